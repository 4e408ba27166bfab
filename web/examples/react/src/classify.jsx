// SPDX-License-Identifier: MIT
import { useEffect, useRef, useState } from 'react';
import { Classifier } from 'vit158';
import model from 'vit158/models/vit158-imagenet.safetensors?url';

/** One classifier for as long as the component is there; it is disposed of once it has loaded, too. */
function useClassifier() {
    const loading = useRef(null);
    useEffect(() => {
        loading.current = Classifier.load(model, { worker: true });
        const mine = loading.current;
        return () => {
            mine.then(
                (vit) => vit.dispose(),
                () => {},
            );
        };
    }, []);
    return loading;
}

export function Classify() {
    const loading = useClassifier();
    const [guesses, setGuesses] = useState([]);
    const [words, setWords] = useState('');

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
