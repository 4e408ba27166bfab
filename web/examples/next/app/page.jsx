// SPDX-License-Identifier: MIT
'use client';
import { useEffect, useRef, useState } from 'react';
import { Classifier } from 'vit158';

export default function Page() {
    const loading = useRef(null);
    const [guesses, setGuesses] = useState([]);
    const [words, setWords] = useState('');

    useEffect(() => {
        loading.current = Classifier.load('/vit158-imagenet.safetensors', { worker: true });
        const mine = loading.current;
        return () => {
            mine.then(
                (vit) => vit.dispose(),
                () => {},
            );
        };
    }, []);

    const classify = async ({ target }) => {
        try {
            const vit = await loading.current;
            const { predictions, unsure } = await vit.classify(target.files[0], { topK: 3 });
            setGuesses(predictions);
            setWords(unsure ? 'It looks like nothing that the model knows.' : '');
        } catch (error) {
            setWords(error.message);
        }
    };

    return (
        <>
            <label>
                A picture <input id="file" type="file" accept="image/*" onChange={classify} />
            </label>
            <ol id="guesses">
                {guesses.map(({ label, score }) => (
                    <li key={label}>
                        {label}: {(100 * score).toFixed(1)} %
                    </li>
                ))}
            </ol>
            <p id="words" role="status">
                {words}
            </p>
        </>
    );
}
