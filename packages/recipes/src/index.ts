export { RecipesError, type RecipesErrorCode } from './errors.ts';
export {
  formatRecipe,
  type LoadedRecipe,
  loadRecipe,
  type Override,
  parseOverride,
  type RecipeSource,
  writeRecipe,
} from './recipe-file.ts';
export {
  describeMachine,
  describeVersions,
  hashFile,
  type Machine,
  type ManifestData,
  type RunManifest,
} from './run-manifest.ts';
export {
  type Checkpoint,
  inspectRun,
  type OpenRunOptions,
  openRun,
  RUN_FILES,
  type RunFacts,
  type RunFolder,
  type RunState,
} from './workspace.ts';
