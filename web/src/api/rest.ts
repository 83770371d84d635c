/**
 * The REST side of the public API.
 *
 * In:    a path and parameters.
 * Out:   the decoded answer, or an ApiError with the exchange's own code and message.
 * Never: repeats a request that may have changed something.
 */
import type { ExchangeClock } from "./clock";
import type { Credentials } from "./credentials";
import { type Params, queryText, sign } from "./signing";

const TIMEOUT_MS = 12_000;
const CODE_TIMESTAMP = -1021;
const CODE_STATUS_UNKNOWN = -1007;
const CODES_KEY_REFUSED = new Set([-2014, -2015]);

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** The exchange said no, or could not be reached (code 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }

  /** Whether the request may have been carried out although no answer says so. */
  get isInDoubt(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === CODE_STATUS_UNKNOWN;
  }
}

/** Say an error in one line a person can act on. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export class RestClient {
  /** Called when the exchange no longer accepts the session's key. */
  onKeyRefused: () => void = () => {};

  constructor(
    private readonly clock: ExchangeClock,
    private readonly credentials: () => Credentials | null,
  ) {}

  /** Read something public. */
  async get<T>(path: string, params: Params = {}): Promise<T> {
    const query = queryText(params);
    return this.send<T>("GET", query === "" ? path : `${path}?${query}`, {});
  }

  /** Post JSON to one of the identity routes. */
  async post<T>(path: string, body: unknown): Promise<T> {
    return this.send<T>("POST", path, { "content-type": "application/json" }, JSON.stringify(body));
  }

  /**
   * Send a signed request. A refused timestamp proves that nothing happened, so that alone is tried once more.
   * What nobody else may read, a password or a code, goes in the body: addresses are written down on their way.
   */
  async signed<T>(method: Method, path: string, params: Params = {}, confidential: Params = {}): Promise<T> {
    try {
      return await this.signedOnce<T>(method, path, params, confidential);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== CODE_TIMESTAMP) throw error;
      this.clock.resync();
      return this.signedOnce<T>(method, path, params, confidential);
    }
  }

  private async signedOnce<T>(method: Method, path: string, params: Params, confidential: Params): Promise<T> {
    const credentials = this.credentials();
    if (credentials === null) throw new ApiError(401, 0, "Sign in first.");
    const query = queryText({ ...params, timestamp: await this.clock.now() });
    const body = queryText(confidential);
    const signature = await sign(credentials.key, query + body);
    const headers: Record<string, string> = { "X-MBX-APIKEY": credentials.apiKey };
    if (body !== "") headers["content-type"] = "application/x-www-form-urlencoded";
    try {
      return await this.send<T>(method, `${path}?${query}&signature=${signature}`, headers, body === "" ? undefined : body);
    } catch (error) {
      if (error instanceof ApiError && CODES_KEY_REFUSED.has(error.code) && this.credentials() === credentials) {
        this.onKeyRefused();
      }
      throw error;
    }
  }

  private async send<T>(method: string, url: string, headers: Record<string, string>, body?: string): Promise<T> {
    let answer: Response;
    let text: string;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      answer = await fetch(url, { method, headers, signal, cache: "no-store", ...(body === undefined ? {} : { body }) });
      text = await answer.text();
    } catch {
      throw new ApiError(0, 0, "The exchange did not answer. Check the connection and try again.");
    }
    let decoded: unknown;
    try {
      decoded = JSON.parse(text);
    } catch {
      throw new ApiError(answer.ok ? 502 : answer.status, 0, `The exchange answered with HTTP ${answer.status} and no JSON.`);
    }
    if (!answer.ok) {
      const { code = 0, msg = `HTTP ${answer.status}` } = decoded as { code?: number; msg?: string };
      throw new ApiError(answer.status, code, msg);
    }
    return decoded as T;
  }
}
