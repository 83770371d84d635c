/** The id under which a withdrawal is asked for: the exchange takes each once, so asking again makes no second one. */
import { ApiError } from "../api/rest";

const CODE_TOO_LITTLE = -4026;
const TAKEN = "withdrawOrderId is used already.";

export class Asking {
  id = newId();
  private isInDoubt = false;

  /** Begin another withdrawal. */
  renew(): void {
    this.id = newId();
    this.isInDoubt = false;
  }

  /**
   * Take in why there was no withdrawal to show; return whether it had been asked for all the same.
   * An id of which nobody knows the outcome is kept: a refusal that comes before the id is looked at says nothing of it.
   */
  failed(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false;
    if (error.message === TAKEN) return true;
    if (error.isInDoubt) this.isInDoubt = true;
    // Too little money is found out once the id is written down, so the request before did not arrive.
    else if (!this.isInDoubt || error.code === CODE_TOO_LITTLE) this.renew();
    return false;
  }
}

function newId(): string {
  return `page-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
