/**
 * The one outside source: npm package `chinese-poetry`, pinned to a version and to the hash of its tarball, and the
 * files of it that are used.
 */
export const PACKAGE_NAME = 'chinese-poetry';
export const PACKAGE_VERSION = '2.0.1';
/** Subresource integrity of the tarball; a different byte anywhere is refused. */
export const PACKAGE_INTEGRITY =
  'sha512-KtYARvV7CWNtax0na9+Jn6PlhGgSoid7PWyDzXI4KsCEm2odZcqEQyval5koaLygZnM/EQ3lfJ//25K8p3uHNg==';
/** Bytes of the tarball: the total of the progress bar. */
export const PACKAGE_SIZE_BYTES = 85_464_664;

const WANTED = [
  /^quantangshi\/poet\.(tang|song)\.\d+\.json$/,
  /^quantangshi\/表面结构字\.json$/,
  /^songci\/ci\.song\.\d+y?\.json$/,
  /^wudaishici\/huajianji\/huajianji-[1-9x]-juan\.json$/,
  /^wudaishici\/nantang\/poetrys\.json$/,
  // Paraphrases in modern prose: an evaluation task, not poems of the corpus.
  /^shuimotangshi\/shuimotangshi\.json$/,
  // Search-engine hits: a weak prior of fame, read only when the starter corpus is chosen.
  /^rank\/poet\/poet\.(tang|song)\.rank\.\d+\.json$/,
  /^rank\/ci\/ci\.song\.rank\.\d+y?\.json$/,
];

/** How many files of the package pass `isWanted`; a folder with fewer is not complete. */
export const WANTED_FILE_COUNT = 313 + 1 + 23 + 10 + 1 + 1 + 313 + 23;

/** Path inside the package's `dist` folder → is it read by the corpus? */
export function isWanted(relativePath: string): boolean {
  return WANTED.some((pattern) => pattern.test(relativePath));
}
