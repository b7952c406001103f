/** The studio begins. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { LanguageProvider } from './state/language.tsx';
import { ModelsProvider } from './state/models.tsx';
import './style.css';

createRoot(document.getElementById('studio')!).render(
  <StrictMode>
    <LanguageProvider>
      <ModelsProvider>
        <App />
      </ModelsProvider>
    </LanguageProvider>
  </StrictMode>,
);
