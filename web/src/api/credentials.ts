/** Keeps the signed-in session across reloads: the signing key itself, which no script can read back, never its text. */

export interface Credentials {
  apiKey: string;
  key: CryptoKey;
  accountId: string;
  email: string;
  expiresAt: number;
}

const DATABASE = "openbourse";
const STORE = "session";
const CURRENT = "current";

async function transact<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    database.close();
  }
}

/** Read the kept session, if there is one. */
export async function loadCredentials(): Promise<Credentials | null> {
  return (await transact<Credentials | undefined>("readonly", (store) => store.get(CURRENT))) ?? null;
}

/** Keep the session. A browser that refuses (private windows) only loses it at the next reload. */
export async function keepCredentials(credentials: Credentials): Promise<void> {
  await transact("readwrite", (store) => store.put(credentials, CURRENT));
}

/** Forget the session. */
export async function forgetCredentials(): Promise<void> {
  await transact("readwrite", (store) => store.delete(CURRENT));
}
