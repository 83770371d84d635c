/** Builds and signs the payload of private requests, as the public API asks: HMAC-SHA256 over the text as sent. */

export type Params = Record<string, string | number | boolean | undefined>;

const encoder = new TextEncoder();

/** Import a session's secret so that scripts can sign with it but never read it again. */
export async function importSecret(secretKey: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", encoder.encode(secretKey), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** Sign text, as lower-case hexadecimal. */
export async function sign(key: CryptoKey, payload: string): Promise<string> {
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(payload));
  return Array.from(new Uint8Array(signature), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Write a REST query string in the order given; undefined parameters are left out. */
export function queryText(params: Params): string {
  return Object.entries(params)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&");
}

/** Write the payload of a socket request: sorted by name, not percent-encoded, without the signature. */
export function socketPayload(params: Params): string {
  return Object.entries(params)
    .filter(([name, value]) => value !== undefined && name !== "signature")
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([name, value]) => `${name}=${String(value)}`)
    .join("&");
}
