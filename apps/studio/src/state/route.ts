/** Which room is open and what it shows, in the part of the address after `#`: it can be bookmarked and sent. */
import { useEffect, useRef, useSyncExternalStore } from 'react';

export const ROOMS = ['write', 'check', 'compare', 'runs'] as const;
export type Room = (typeof ROOMS)[number];

export interface Route {
  readonly room: Room;
  /** What follows the room, decoded: the path of a run. */
  readonly place: string;
  readonly query: Readonly<Record<string, string>>;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/u, '').split('?');
  const [name = '', place = ''] = path.split('/');
  return {
    room: ROOMS.find((room) => room === name) ?? 'write',
    place: decode(place),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** What is empty is left out. */
export function formatRoute(room: Room, query: Readonly<Record<string, string>> = {}, place = ''): string {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return `#/${room}${place === '' ? '' : `/${encodeURIComponent(place)}`}${words === '' ? '' : `?${words}`}`;
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange);
  return () => window.removeEventListener('hashchange', onChange);
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => window.location.hash));
}

/** Opens a room; leaves an entry in the history. */
export function go(address: string): void {
  window.location.hash = address;
}

/** While the room is open its state stands in the address, which nobody is told of. */
export function useNotedRoute(isOpen: boolean, address: string): void {
  useEffect(() => {
    if (isOpen) window.history.replaceState(null, '', address);
  }, [isOpen, address]);
}

/** Told of a state that came with the address: at first, by a link, or back in the history. */
export function useIncoming(room: Room, take: (query: Route['query']) => void): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const read = (): void => {
      const route = parseRoute(window.location.hash);
      // A room opened without a word goes on where it was left.
      if (route.room === room && Object.keys(route.query).length > 0) latest.current(route.query);
    };
    read();
    return subscribe(read);
  }, [room]);
}
