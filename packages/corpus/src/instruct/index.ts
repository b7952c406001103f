export {
  CHAT_TEMPLATE,
  type ControlProperty,
  controlMessage,
  controlPrompt,
  controlToken,
  controlTokens,
  END_TOKEN,
  MAX_TITLE_CHARACTERS,
  PAD_TOKEN,
  POEM_TOKEN,
  TITLE_TOKEN,
  UNKNOWN_TOKEN,
} from './control-prompt.ts';
export { instructionPrompt } from './instruction-prompt.ts';
export { type PoemRequest, requestOf } from './poem-request.ts';
