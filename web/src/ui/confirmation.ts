/** The two presses of what cannot be undone: the first asks, the second does it, unless it is a double click's. */
import { signal } from "@preact/signals";

const DOUBLE_CLICK_MS = 400;
const ASKING_MS = 3_000;

export class Confirmation {
  /** Fresh while a press may still be the second of a double click. */
  readonly state = signal<"none" | "fresh" | "asking">("none");
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Take a press; return whether it confirms. */
  press(): boolean {
    if (this.state.value === "fresh") return false;
    clearTimeout(this.timer);
    if (this.state.value === "asking") {
      this.state.value = "none";
      return true;
    }
    this.state.value = "fresh";
    this.timer = setTimeout(() => {
      this.state.value = "asking";
      this.timer = setTimeout(() => (this.state.value = "none"), ASKING_MS - DOUBLE_CLICK_MS);
    }, DOUBLE_CLICK_MS);
    return false;
  }
}
