import type { MessageBus } from '../../lib/fleet/fleet.js';

/** A bus in memory. */
export class MemoryBus implements MessageBus {
  readonly listeners = new Set<(message?: string) => void>();
  readonly sent: string[] = [];

  publish(_channel: string, message: string): void {
    this.sent.push(message);
    this.tell(message);
  }

  subscribe(_channel: string, listener: (message?: string) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Without a message: some may be lost. */
  tell(message?: string): void {
    for (const listener of this.listeners) listener(message);
  }
}
