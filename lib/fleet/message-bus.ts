/**
 * Carries messages between the processes of an application: NATS, LISTEN and NOTIFY of Postgres, anything with these two functions. Messages may
 * get lost, come twice and in any order.
 *
 * @example `{ publish: (channel, message) => nats.publish(channel, message), subscribe: (channel, listener) => listen(channel, listener) }`
 */
export interface MessageBus {
  publish(channel: string, message: string): unknown;
  /** Calls the listener with each message, and without one when messages may have been lost, as after a reconnect. May return what ends it. */
  subscribe(channel: string, listener: (message?: string) => void): unknown;
}
