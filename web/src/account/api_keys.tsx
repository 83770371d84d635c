/** The API keys of the account: list, make, remove. A secret is shown once and kept nowhere. */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { messageOf } from "../api/rest";
import type { WireApiKey, WireSecondFactor } from "../api/wire";
import { CodeField, isCodeNeeded, messageBesideCode } from "../ui/code_field";
import { ConfirmButton } from "../ui/confirm_button";
import { Dialog } from "../ui/dialog";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";
import { CopyField } from "../ui/copy_field";

const PATH = "/bourse/v1/api-keys";
const PERMISSION_WORDS: Record<string, string> = { READ: "Read", TRADE: "Trade", WITHDRAW: "Withdraw" };

interface MadeKey {
  apiKey: string;
  secretKey?: string;
}

export function ApiKeysDialog(): JSX.Element {
  const { rest, overlay, toasts } = useVenue();
  const keys = useSignal<WireApiKey[] | null>(null);
  const failure = useSignal("");
  const made = useSignal<MadeKey | null>(null);
  const asksCode = useSignal(false);
  const isHeld = made.value?.secretKey !== undefined;

  const load = async (): Promise<void> => {
    try {
      keys.value = await rest.signed<WireApiKey[]>("GET", PATH);
      failure.value = "";
    } catch (error) {
      failure.value = messageOf(error);
    }
  };
  const remove = async (apiKey: string): Promise<void> => {
    try {
      await rest.signed("DELETE", PATH, { apiKey });
      if (made.value?.apiKey === apiKey) made.value = null;
      toasts.show("plain", "API key removed", "Requests signed with it are refused from now on.");
    } catch (error) {
      toasts.show("bad", "API key not removed", messageOf(error));
    }
    await load();
  };
  const loadFactor = async (): Promise<void> => {
    const factor = await rest.signed<WireSecondFactor>("GET", "/bourse/v1/second-factor");
    asksCode.value = factor.isOn;
  };
  useEffect(() => {
    void load();
    void loadFactor().catch(() => {}); // The exchange asks for a code anyway.
  }, []);

  return (
    <Dialog title="API keys" isWide isHeld={isHeld} onClose={() => (overlay.value = "none")}>
      <p class="soft">
        Bots and libraries made for Binance Spot work with these keys: change only their base URL to <code>{location.origin}</code>.
      </p>
      {made.value === null ? null : <NewKey made={made.value} onDone={() => (made.value = null)} />}
      {failure.value === "" ? null : (
        <p class="form-error" role="alert">
          {failure.value}
        </p>
      )}
      <KeyTable keys={keys.value} onRemove={(apiKey) => void remove(apiKey)} />
      {isHeld ? null : (
        <KeyForm
          asksCode={asksCode}
          onMade={(key) => {
            made.value = key;
            void load();
          }}
        />
      )}
    </Dialog>
  );
}

function NewKey({ made, onDone }: { made: MadeKey; onDone: () => void }): JSX.Element {
  return (
    <div class="new-key" role="status">
      <strong>{made.secretKey === undefined ? "Your key is ready" : "Copy the secret now: it is not shown again"}</strong>
      <CopyField label="API key" value={made.apiKey} />
      {made.secretKey === undefined ? null : (
        <>
          <CopyField label="Secret key" value={made.secretKey} />
          <div class="buttons">
            <button type="button" class="button button-accent" onClick={onDone}>
              I have kept it
            </button>
          </div>
        </>
      )}
    </div>
  );
}

function KeyTable({ keys, onRemove }: { keys: WireApiKey[] | null; onRemove: (apiKey: string) => void }): JSX.Element {
  if (keys === null) return <p class="empty">Loading your keys…</p>;
  if (keys.length === 0) return <p class="empty">No keys yet. Make one below to trade with a bot.</p>;
  return (
    <div class="table-scroll">
      <table class="table table-cards api-keys">
        <thead>
          <tr>
            <th>Label</th>
            <th>Key</th>
            <th>May</th>
            <th>From</th>
            <th>Made</th>
            <th><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.apiKey}>
              <td class="cell-pair cell-wrap">{key.label || "No label"}</td>
              <td data-label="Key" title={key.apiKey}>
                <code>{`${key.apiKey.slice(0, 10)}…`}</code> <small class="soft">{key.kind}</small>
              </td>
              <td data-label="May">{key.permissions.map((each) => PERMISSION_WORDS[each] ?? each).join(", ")}</td>
              <td class="cell-wrap" data-label="From">{key.ipAllowList.length === 0 ? "any address" : key.ipAllowList.join(", ")}</td>
              <td data-label="Made">{dayTime(key.createdAt)}</td>
              <td class="cell-end">
                <ConfirmButton label="Remove" question="Really remove?" onConfirm={() => onRemove(key.apiKey)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function KeyForm({ asksCode, onMade }: { asksCode: Signal<boolean>; onMade: (made: MadeKey) => void }): JSX.Element {
  const { rest } = useVenue();
  const label = useSignal("");
  const permissions = useSignal<ReadonlySet<string>>(new Set(["READ", "TRADE"]));
  const addresses = useSignal("");
  const publicKey = useSignal("");
  const code = useSignal("");
  const failure = useSignal("");
  const isBusy = useSignal(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
    failure.value = "";
    isBusy.value = true;
    try {
      const wanted = {
        label: label.value.trim() || undefined,
        permissions: [...permissions.value].join(","),
        ipAllowList: addresses.value.split(/[\s,]+/).filter(Boolean).join(",") || undefined,
        publicKey: publicKey.value.trim() || undefined,
      };
      const answer = await rest.signed<MadeKey>("POST", PATH, wanted, { code: code.value.trim() || undefined });
      label.value = addresses.value = publicKey.value = code.value = "";
      onMade(answer);
    } catch (error) {
      if (isCodeNeeded(error)) asksCode.value = true;
      failure.value = messageBesideCode(error);
    } finally {
      isBusy.value = false;
    }
  };
  const toggle = (permission: string): void => {
    const next = new Set(permissions.value);
    if (!next.delete(permission)) next.add(permission);
    permissions.value = next;
  };

  return (
    <form class="stack key-form" noValidate onSubmit={(event) => void submit(event)}>
      <h3>Make a key</h3>
      <div class="field-pair">
        <label class="field">
          <span>Label</span>
          <input type="text" maxLength={64} placeholder="my bot" value={label.value} onInput={(event) => (label.value = event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Only from these addresses (optional)</span>
          <input
            type="text"
            placeholder="203.0.113.7, 198.51.100.0/24"
            value={addresses.value}
            onInput={(event) => (addresses.value = event.currentTarget.value)}
          />
        </label>
      </div>
      <fieldset class="checks">
        <legend>The key may</legend>
        {Object.entries(PERMISSION_WORDS).map(([permission, words]) => (
          <label key={permission}>
            <input type="checkbox" checked={permissions.value.has(permission)} onChange={() => toggle(permission)} />
            {words}
          </label>
        ))}
      </fieldset>
      <details>
        <summary>Use my own Ed25519 or RSA public key</summary>
        <textarea
          rows={4}
          aria-label="Public key in PEM form"
          placeholder="-----BEGIN PUBLIC KEY-----"
          spellcheck={false}
          value={publicKey.value}
          onInput={(event) => (publicKey.value = event.currentTarget.value)}
        />
      </details>
      {asksCode.value ? <CodeField code={code} /> : null}
      {failure.value === "" ? null : (
        <p class="form-error" role="alert">
          {failure.value}
        </p>
      )}
      <button type="submit" class="button button-accent" aria-disabled={isBusy.value} disabled={permissions.value.size === 0}>
        Make key
      </button>
    </form>
  );
}
