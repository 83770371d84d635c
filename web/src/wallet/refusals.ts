/** What to do about a withdrawal that was refused, in a sentence; what is not known is shown as it came. */
import { ApiError, messageOf } from "../api/rest";

const BY_CODE: Record<number, (coin: string) => string> = {
  [-1111]: () => "An amount has at most eight decimals.",
  [-4001]: (coin) => `That is no address for ${coin}: copy it once more from where the money is to go.`,
  [-4019]: () => "Your account may not withdraw at present: ask the operator of this exchange.",
  [-5004]: () => "Enter the code of your second factor.",
  [-4026]: (coin) => `Not enough ${coin} is available: lower the amount, or cancel an open order that holds some.`,
};

/** Say what a person can do about a withdrawal that was refused; nothing of one in doubt. */
export function withdrawalRefusal(error: unknown, coin: string): string {
  if (error instanceof ApiError && error.isInDoubt) return ""; // The dialog says what is waited for.
  const say = error instanceof ApiError ? BY_CODE[error.code] : undefined;
  return say?.(coin) ?? messageOf(error);
}
