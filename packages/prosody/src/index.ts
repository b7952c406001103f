import './every-table.ts';

export * from './core.ts';
