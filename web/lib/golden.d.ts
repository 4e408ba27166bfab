// SPDX-License-Identifier: MIT
/**
 * Regression tests of a model, in Node, a worker or a page:
 *
 *     import { verify } from 'vit158/golden';
 *     const report = await verify('golden.json');   // Node; written by `vit158 record`
 *     if (!report.ok) ...                            // each image says what differs, from which step on
 *
 *     // Page: `classifier` is a Classifier, or anything with its classify() and info().
 *     await verify(new URL('golden.json', location.href), { classifier, modelSha256, onProgress });
 */
import type { ByteSource, Classification, ClassifyOptions, Info, LoadOptions } from './vit158.js';

/** A golden file's content; web/FILES.md describes each member. */
export interface Golden {
  numerics_version: number;
  /** `file` is relative to the golden file. */
  model: { file: string; sha256: string };
  /** What was merged, if anything: "4:45,6:40". */
  merge?: string;
  pictures: GoldenPicture[];
}

export interface GoldenPicture {
  /** Relative to the golden file. */
  file: string;
  sha256: string;
  top1: Top;
  logits_sha256: string;
  /** SHA-256 by step: "preprocess", "embed", "blocks.0.attn", ..., up to the last "mlp". */
  steps: Record<string, string>;
  logits: number[];
}

export interface Top {
  index: number;
  /** "" if the model has no labels. */
  label: string;
}

/** Where a golden file is (Node: a path), or its content parsed. */
export type GoldenSource = ByteSource | Golden | Promise<Golden>;

/** What is needed of a Classifier. */
export interface Runner {
  classify(image: Uint8Array, options: ClassifyOptions): Promise<Classification>;
  info(): Pick<Info, 'numericsVersion' | 'engine'> & Partial<Pick<Info, 'merge'>>;
}

export interface VerifyOptions {
  /** Largest difference allowed of a logit; top-1 must be the same. Not given: every bit counts. */
  tolerance?: number;
  /** What to merge, if not what the golden file says. */
  merge?: string;
  /** The model, if it is not where the golden file says. */
  model?: ByteSource;
  /** How to load the model. */
  load?: LoadOptions;
  /** A model loaded already; the caller disposes of it. */
  classifier?: Runner;
  /** SHA-256 of the classifier's file, to be compared with the one recorded. */
  modelSha256?: string;
  /** Where the files named in the golden file are; default: beside it. */
  read?: (file: string) => ByteSource;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface PictureReport {
  file: string;
  ok: boolean;
  /** Missing if ok. "changed": it is not the image recorded. */
  problem?: 'unreadable' | 'changed' | 'differs';
  /** One sentence for people. */
  message: string;
  /** The first step whose result is not the recorded one, "preprocess" to "head". */
  firstDifference?: string;
  /** Largest difference of a logit, if the image was run. */
  maxDifference?: number;
  expected: Top;
  found?: Top;
}

export interface Report {
  ok: boolean;
  /** How many images are ok. */
  same: number;
  tolerance: number | undefined;
  engine: Info['engine'];
  numericsVersion: number;
  pictures: PictureReport[];
}

/**
 * Compares what the model gives now with what was recorded. Rejects with a Vit158Error if the golden
 * file cannot be used, or the model is another one, or (without tolerance) this engine's numerics
 * version is; everything about single images is in the report.
 */
export declare function verify(golden: GoldenSource, options?: VerifyOptions): Promise<Report>;

/** What a model gives for one image; `file` is written as given, relative to the file to be. */
export declare function recordPicture(
  classifier: Runner,
  file: string,
  source: ByteSource,
  signal?: AbortSignal,
): Promise<GoldenPicture>;

/** What a model gives for images; `file` names are written as given, relative to the file to be. */
export declare function record(
  classifier: Runner,
  model: { file: string; sha256: string },
  pictures: { file: string; source: ByteSource }[],
  signal?: AbortSignal,
): Promise<Golden>;

/** Text of a golden file. */
export declare function goldenText(golden: Golden): string;
