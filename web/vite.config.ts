import { defineConfig } from "vitest/config";

// The exchange serves the built files itself; in development its API is proxied so that both share one origin.
const exchange = process.env["OPENBOURSE_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    // A strict content security policy allows no inlined fonts or scripts, so everything stays a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  server: {
    proxy: {
      "/api": exchange,
      "/bourse": exchange,
      "/stream": { target: exchange, ws: true },
      "/ws-api": { target: exchange, ws: true },
    },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
