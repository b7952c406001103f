export {
  CRITERIA,
  type Criterion,
  makeReview,
  type Preference,
  type Review,
  type ReviewAnswers,
  type ReviewItem,
  type ReviewKey,
  type Side,
  type Vote,
} from './review.ts';
export { renderReviewPage } from './review-page.ts';
export { readSheet, SheetError, writeSheet } from './sheet.ts';
export { type Agreement, pairsFromVotes, type Tally, tallyVotes, type VotedPair } from './tally.ts';
