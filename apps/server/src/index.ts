export { type App, type AppOptions, createApp } from './app.ts';
export { ServerError, type ServerErrorCode } from './errors.ts';
export { isLoopback, type RunningServer, type ServerOptions, startServer } from './start-server.ts';
