// SPDX-License-Identifier: MIT
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Classify } from './classify.jsx';

createRoot(document.getElementById('root')).render(
    <StrictMode>
        <Classify />
    </StrictMode>,
);
