/** True for addresses that only this machine reaches, as they stand on a command line or in an address. */
export function isLoopback(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || /^127(?:\.\d{1,3}){3}$/u.test(host);
}
