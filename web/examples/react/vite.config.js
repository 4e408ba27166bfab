// SPDX-License-Identifier: MIT
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Vite would bundle the package beforehand while developing, without the files beside its modules.
  optimizeDeps: { exclude: ['vit158'] },
  assetsInclude: ['**/*.safetensors'],
});
