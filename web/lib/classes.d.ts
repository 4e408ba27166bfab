// SPDX-License-Identifier: MIT
/**
 * Classes of one's own, taught with some images each, over a model's embeddings:
 *
 *     const own = await OwnClasses.load('my-classes.json');
 *     const vit = await Classifier.load('model.safetensors', { sha256: own.model.sha256 });
 *     const { predictions, unsure } = await own.classify(vit, 'photo.jpg');
 */
import type { ByteSource, Classifier, ImageInput, RunOptions, Timing } from './vit158.js';

/** What a file of classes holds; web/FILES.md has the JSON. */
export interface ClassesFile {
  /** The model whose embeddings the vectors are; sha256 of its file, lower-case hexadecimal. */
  model: { name: string; sha256: string };
  /** Numbers in a vector. */
  dim: number;
  /** Compare with the middle of each class, or with the five nearest vectors of all. */
  method: 'centroid' | 'neighbours';
  /** Images whose best cosine similarity is smaller are like none of the classes. */
  unlike?: number;
  classes: { name: string; vectors: ArrayLike<number>[]; thumbnails?: string[] }[];
}

export interface MatchOptions {
  /** How many predictions, at most; default 5. */
  topK?: number | null;
  /** Smallest score that is returned, 0 to 1; default 0. */
  threshold?: number | null;
}

export interface OwnOptions extends RunOptions, MatchOptions {}

export interface ClassMatch {
  label: string;
  /** 0 to 1; those of all classes add up to 1. */
  score: number;
  index: number;
  /** Largest cosine with what the class was compared by, -1 to 1. */
  similarity: number;
}

export interface Matches {
  /** Best first; classes without vectors are left out. */
  predictions: ClassMatch[];
  /** True if the image is like none of the classes, as the file's `unlike` says. */
  unsure: boolean;
}

export declare class OwnClasses {
  constructor(file: ClassesFile);
  static load(source: ByteSource, options?: { signal?: AbortSignal | null } | null): Promise<OwnClasses>;

  /** Of the model that the classes were taught with. */
  readonly model: { name: string; sha256: string };
  readonly dim: number;
  labels(): string[];

  /**
   * Fails with E_INPUT if `vit` is another model than the one taught with; whether it is, is known if it
   * was loaded with `sha256`, else only its width is compared.
   */
  classify(
    vit: Pick<Classifier, 'classify' | 'info'>,
    image: ImageInput,
    options?: OwnOptions | null,
  ): Promise<Matches & { timing: Timing }>;

  /** The same for an embedding computed earlier. */
  match(embedding: ArrayLike<number>, options?: MatchOptions | null): Matches;
}

/** The text of the file. */
export declare function classesText(file: ClassesFile): string;
