/** Asks a demo venue for test money. */
import { grouped, trimAmount, wireAmount } from "../amounts";
import { messageOf } from "../api/rest";
import type { Venue } from "../venue";

/** Take test funds and show what came, or why nothing did. */
export async function takeTestFunds({ rest, portfolio, toasts }: Venue): Promise<void> {
  try {
    const credited = await rest.signed<{ asset: string; amount: string }[]>("POST", "/bourse/v1/test-funds");
    const list = credited.map(({ asset, amount }) => `${grouped(trimAmount(wireAmount(amount)))} ${asset}`).join(", ");
    toasts.show("good", "Test funds credited", list, "test-funds");
    await portfolio.refresh();
  } catch (error) {
    toasts.show("bad", "No test funds", messageOf(error), "test-funds");
  }
}
