/** Recovery codes, on the screen once: to copy, to keep in a file, to write down. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Icon } from "../ui/icons";

const FILE = "openbourse-recovery-codes.txt";
const COPIED_MS = 1_500;

export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }): JSX.Element {
  const isCopied = useSignal(false);
  const text = `${codes.join("\n")}\n`;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    isCopied.value = true;
    window.setTimeout(() => (isCopied.value = false), COPIED_MS);
  };
  return (
    <div class="new-key" role="status">
      <strong>Keep these recovery codes now: they are not shown again</strong>
      <p>Each signs you in once in place of a code, when your phone is lost. Keep them where your phone is not.</p>
      <ol class="recovery-codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div class="buttons">
        <button type="button" class="button button-quiet" onClick={() => void copy().catch(() => {})}>
          <Icon name={isCopied.value ? "check" : "copy"} />
          {isCopied.value ? "Copied" : "Copy"}
        </button>
        <button type="button" class="button button-quiet" onClick={() => download(text)}>
          <Icon name="drop" />
          Download
        </button>
        <button type="button" class="button button-accent" onClick={onDone}>
          I have kept them
        </button>
      </div>
    </div>
  );
}

function download(text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = FILE;
  link.click();
  URL.revokeObjectURL(link.href);
}
