// SPDX-License-Identifier: MIT
/**
 * What require('vit158') gives: all that answers with a promise. For the classes and hasSimd128() there
 * is `await import('vit158')`; errors are told by their `code`.
 */
import type * as esm from './vit158.js' with { 'resolution-mode': 'import' };

export declare const VERSION: string;

export declare const Classifier: { load: typeof esm.Classifier.load };
export type Classifier = esm.Classifier;

export declare const decodeImage: typeof esm.decodeImage;

export type Attention = esm.Attention;
export type ByteSource = esm.ByteSource;
export type Classification = esm.Classification;
export type ClassificationFor<Options> = esm.ClassificationFor<Options>;
export type ClassifyOptions = esm.ClassifyOptions;
export type DecodeOptions = esm.DecodeOptions;
export type ErrorCode = esm.ErrorCode;
export type ImageInput = esm.ImageInput;
export type Info = esm.Info;
export type Inspection = esm.Inspection;
export type LoadOptions = esm.LoadOptions;
export type LoadProgress = esm.LoadProgress;
export type MatrixFacts = esm.MatrixFacts;
export type ModelInfo = esm.ModelInfo;
export type PixelData = esm.PixelData;
export type Prediction = esm.Prediction;
export type Merge = esm.Merge;
export type MergeOptions = esm.MergeOptions;
export type RunOptions = esm.RunOptions;
export type Timing = esm.Timing;
export type Vit158Error = esm.Vit158Error;
export type WasmSource = esm.WasmSource;
export type WorkerLike = esm.WorkerLike;
