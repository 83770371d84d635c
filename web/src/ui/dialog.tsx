/** A modal dialog: the browser's own, which keeps the focus inside and closes on Escape. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { noteOpener, returnToOpener, useFocusKept } from "./focus";
import { Icon } from "./icons";

export interface DialogProps {
  title: string;
  isWide?: boolean;
  /** Shows what is never shown again: only what is inside ends that, and closes the dialog thereafter. */
  isHeld?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, isWide = false, isHeld = false, onClose, children }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const body = useRef<HTMLDivElement>(null);
  useFocusKept(body);
  useEffect(() => {
    const dialog = element.current;
    noteOpener();
    dialog?.showModal();
    return () => {
      dialog?.close();
      returnToOpener();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={isWide ? "dialog dialog-wide" : "dialog"}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        if (!isHeld) onClose();
      }}
      onClose={() => {
        // A browser asks once only: at a second Escape in a row it closes the dialog whatever the page says.
        if (!element.current?.isConnected) return;
        if (isHeld) element.current.showModal();
        else onClose();
      }}
    >
      <div class="dialog-head">
        <h2>{title}</h2>
        {isHeld ? null : (
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <div class="dialog-body" ref={body} tabIndex={-1}>
        {children}
      </div>
    </dialog>
  );
}
