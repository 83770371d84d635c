/** Where the person is signed in, and ending what they do not know. */
import type { JSX } from "preact";
import { messageOf } from "../api/rest";
import type { WireOpenSession } from "../api/wire";
import { ConfirmButton } from "../ui/confirm_button";
import { dayTime } from "../ui/times";
import { useVenue } from "../venue";

const PATH = "/bourse/v1/sessions";

export interface SessionsSectionProps {
  sessions: WireOpenSession[] | null;
  isLoading: boolean;
  onChanged: () => void;
}

export function SessionsSection({ sessions, isLoading, onChanged }: SessionsSectionProps): JSX.Element {
  const { rest, toasts } = useVenue();
  const end = async (path: string, sessionId: string | undefined, done: string): Promise<void> => {
    try {
      await rest.signed("DELETE", path, { sessionId });
      toasts.show("plain", done, "Whoever used it has to sign in again.");
    } catch (error) {
      toasts.show("bad", "Not ended", messageOf(error));
    }
    onChanged();
  };
  return (
    <section class="security-section" aria-label="Sessions">
      <div class="security-head">
        <div>
          <h3>Sessions</h3>
          <p class="soft">Where you are signed in. Each ends by itself after twelve hours.</p>
        </div>
        {sessions !== null && sessions.length > 1 ? (
          <ConfirmButton
            label="End all others"
            question="Really end all?"
            onConfirm={() => void end(`${PATH}/others`, undefined, "All other sessions ended")}
          />
        ) : null}
      </div>
      {sessions === null ? (
        <p class="empty">{isLoading ? "Loading your sessions…" : "Not loaded."}</p>
      ) : (
        <div class="table-scroll">
          <table class="table table-cards sessions">
            <thead>
              <tr>
                <th>Device</th>
                <th>Network</th>
                <th>Begun</th>
                <th>Last used</th>
                <th class="cell-end"><span class="visually-hidden">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              {sessions.map((session) => (
                <tr key={session.sessionId}>
                  <td class="cell-pair">{session.device || "Unknown device"}</td>
                  <td data-label="Network">{session.network || "–"}</td>
                  <td data-label="Begun">{dayTime(session.createdAt)}</td>
                  <td data-label="Last used">{session.isCurrent ? "now" : dayTime(session.lastUsedAt ?? session.createdAt)}</td>
                  <td class="cell-end">
                    {session.isCurrent ? (
                      <span class="tag tag-list">This one</span>
                    ) : (
                      <ConfirmButton
                        label="End"
                        question="Really end?"
                        onConfirm={() => void end(PATH, session.sessionId, "Session ended")}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
