// SPDX-License-Identifier: MIT
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [sveltekit()],
  // Vite would bundle the package beforehand while developing, without the files beside its modules.
  optimizeDeps: { exclude: ['vit158'] },
  assetsInclude: ['**/*.safetensors'],
});
