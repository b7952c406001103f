export { type App, type AppOptions, createApp } from './app.ts';
export { ServerError, type ServerErrorCode } from './errors.ts';
export { isLoopback } from './loopback.ts';
export { type RunningServer, type ServerOptions, startServer } from './start-server.ts';
