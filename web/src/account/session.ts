/**
 * Who is signed in.
 *
 * In:    e-mail and password, once.
 * Out:   credentials whose key signs but cannot be read.
 * Never: keeps the password or the secret's text.
 */
import { signal } from "@preact/signals";
import { type Credentials, forgetCredentials, keepCredentials, loadCredentials } from "../api/credentials";
import { ApiError, type RestClient } from "../api/rest";
import { importSecret } from "../api/signing";
import type { WireSession } from "../api/wire";

export const PASSWORD_LENGTH_LEAST = 10;
const TIMER_MOST_MS = 2 ** 31 - 1; // Browsers fire longer timers at once.

export class Session {
  readonly credentials = signal<Credentials | null>(null);
  /** False until the kept session was looked for, so that the page does not flash "sign in" at a signed-in person. */
  readonly isKnown = signal(false);
  /** Called when the session ended without the person asking for it. */
  onExpired: () => void = () => {};
  private expiry = 0;

  /** Take up the session kept from an earlier visit. */
  async restore(): Promise<void> {
    try {
      const kept = await loadCredentials();
      if (kept !== null && kept.expiresAt > Date.now()) this.take(kept);
      else if (kept !== null) await forgetCredentials();
    } catch {
      // Without IndexedDB (some private windows) a session simply ends with the page.
    }
    this.isKnown.value = true;
  }

  async signUp(rest: RestClient, email: string, password: string): Promise<void> {
    requireSecureOrigin();
    await rest.post("/bourse/v1/users", { email, password });
    await this.signIn(rest, email, password);
  }

  /** Sign in; without a code the exchange may ask for one (CODE_NEEDED). */
  async signIn(rest: RestClient, email: string, password: string, code?: string): Promise<void> {
    requireSecureOrigin();
    const session = await rest.post<WireSession>("/bourse/v1/sessions", { email, password, code });
    const credentials: Credentials = {
      apiKey: session.apiKey,
      key: await importSecret(session.secretKey),
      accountId: String(session.accountId),
      email: session.email,
      expiresAt: session.expiresAt,
    };
    await keepCredentials(credentials).catch(() => {});
    this.take(credentials);
  }

  /** End the session on the exchange and here. If the exchange cannot be told, the key still expires by itself. */
  async signOut(rest: RestClient): Promise<void> {
    const ending = rest.signed("DELETE", "/bourse/v1/sessions/current").catch(() => {});
    await Promise.race([ending, new Promise((resolve) => setTimeout(resolve, 3_000))]);
    await this.forget();
  }

  /** The exchange refused the key, or its time is over. */
  async expire(): Promise<void> {
    if (this.credentials.value === null) return;
    await this.forget();
    this.onExpired();
  }

  private take(credentials: Credentials): void {
    window.clearTimeout(this.expiry);
    this.expiry = window.setTimeout(() => void this.expire(), Math.min(credentials.expiresAt - Date.now(), TIMER_MOST_MS));
    this.credentials.value = credentials;
  }

  private async forget(): Promise<void> {
    window.clearTimeout(this.expiry);
    this.credentials.value = null;
    await forgetCredentials().catch(() => {});
  }
}

/** Browsers offer the signing functions only over https or on this machine. */
function requireSecureOrigin(): void {
  if (globalThis.isSecureContext) return;
  throw new ApiError(400, 0, "Signing in needs https, or the address localhost or 127.0.0.1: browsers sign requests only there.");
}
