/** The few drawings of the page, as strokes that take the text's colour. */
import type { JSX } from "preact";

const PATHS = {
  check: "M4 10.5l4 4 8-9",
  warning: "M10 3.5l7.5 13h-15zM10 8.5v3.5M10 14.2v.3",
  info: "M10 9v5M10 6v.3M10 2.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 0 0 0-15z",
  close: "M5 5l10 10M15 5L5 15",
  chevron: "M5 7.5l5 5 5-5",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zM13 13l4 4",
  user: "M10 3.5a3.2 3.2 0 1 0 0 6.4a3.2 3.2 0 0 0 0-6.4zM3.8 17c.6-3.4 3-5 6.2-5s5.6 1.6 6.2 5",
  key: "M7 9.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 0 0 0-7zM9.5 10.5L17 3M14 6l2.5 2.5",
  shield: "M10 2.5l6 2.3v4.7c0 3.9-2.5 6.5-6 8c-3.5-1.5-6-4.1-6-8V4.8z",
  exit: "M12 3.5H5v13h7M9 10h8M14 7l3 3-3 3",
  drop: "M10 3v9M6 8.5l4 4 4-4M4 16.5h12",
  copy: "M7 7h9v9H7zM4 13V4h9",
  wallet: "M3.5 6.5h13v10h-13zM3.5 6.5l9-3v3M13 11.5h.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
