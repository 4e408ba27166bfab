// SPDX-License-Identifier: MIT
'use client';
import { useEffect, useState } from 'react';
import { Classifier } from 'vit158';

export default function Page() {
  const [answer, setAnswer] = useState('');
  useEffect(() => {
    const run = async () => {
      const vit = await Classifier.load('/model.safetensors', { worker: true });
      const {
        predictions: [best],
      } = await vit.classify('/cat.jpg');
      vit.dispose();
      return best.label;
    };
    run().then(setAnswer, (error) => setAnswer(`${error.code} ${error.message}`));
  }, []);
  return <output>{answer}</output>;
}
