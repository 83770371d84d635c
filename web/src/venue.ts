/** What every panel can reach: handed down once by main, so that no panel makes its own. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Signal } from "@preact/signals";
import type { Portfolio } from "./account/portfolio";
import type { Session } from "./account/session";
import type { RestClient } from "./api/rest";
import type { Market } from "./market/market";
import type { OrderDesk } from "./orders/desk";
import type { Toasts } from "./ui/toasts";
import type { Transfers } from "./wallet/transfers";

export type Overlay = "none" | "sign-in" | "sign-up" | "api-keys" | "security" | "deposit" | "withdraw";

export interface Venue {
  rest: RestClient;
  market: Market;
  session: Session;
  portfolio: Portfolio;
  desk: OrderDesk;
  toasts: Toasts;
  transfers: Transfers;
  overlay: Signal<Overlay>;
  /** The coin that a deposit or a withdrawal is about. */
  picked: Signal<string>;
}

export const VenueContext = createContext<Venue | null>(null);

export function useVenue(): Venue {
  const venue = useContext(VenueContext);
  if (venue === null) throw new Error("A panel was drawn outside the venue.");
  return venue;
}
