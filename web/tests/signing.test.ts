import { describe, expect, test } from "vitest";
import { importSecret, queryText, sign, socketPayload } from "../src/api/signing";

// The published example of the API's documentation.
const SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
const PARAMS = {
  symbol: "LTCBTC", side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: 1, price: "0.1", recvWindow: 5000, timestamp: 1499827319559,
};

describe("a REST payload", () => {
  test("keeps the order of its parameters and has the documented signature", async () => {
    const payload = queryText(PARAMS);
    expect(payload).toBe(
      "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
    );
    expect(await sign(await importSecret(SECRET), payload)).toBe(
      "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    );
  });

  test("is percent-encoded before it is signed and leaves out what is undefined", () => {
    expect(queryText({ label: "my bot & co", ipAllowList: undefined, publicKey: "a+b/c=" })).toBe("label=my%20bot%20%26%20co&publicKey=a%2Bb%2Fc%3D");
  });
});

describe("a socket payload", () => {
  test("is sorted by name, plain, and without the signature", () => {
    expect(socketPayload({ timestamp: 1, apiKey: "k", signature: "s", symbol: "币BTC" })).toBe("apiKey=k&symbol=币BTC&timestamp=1");
  });
});

test("the signing key cannot be read back", async () => {
  const key = await importSecret(SECRET);
  expect(key.extractable).toBe(false);
  await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
});
