/* SPDX-License-Identifier: MIT
 *
 * vit158: ternary Vision Transformers (weights in {-1, 0, +1}, activations in int8).
 *
 * The public interface: open a model, make a session, give it an image or a tensor, run it,
 * read logits, predictions, embedding and attention.
 *
 * Letters: N tokens (class token included), d width, H heads, L blocks, C classes, S image side.
 *
 * Ownership: vit158_x_open/create makes an object that the caller ends with vit158_x_close;
 * closing NULL is allowed. Pointers returned by a getter belong to the object asked and stay valid
 * until it is closed, unless said otherwise.
 *
 * Threads: objects have no locks. A model is read-only once opened and may serve sessions on many
 * threads; a loader or a session belongs to one thread at a time.
 *
 * Errors: every function that can fail returns a status, and fills `error` if it is not NULL.
 * On failure output pointers are set to NULL and nothing is left to free.
 *
 * Results: the same model and the same pixels give the same logits bit for bit in every variant
 * (scalar, simd128, any thread count, native or wasm) that reports the same
 * vit158_numerics_version(). Across numerics versions they may differ in the last bits.
 */
#ifndef VIT158_H
#define VIT158_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VIT158_VERSION_MAJOR 0
#define VIT158_VERSION_MINOR 1
#define VIT158_VERSION_PATCH 0

/* What went wrong. Values are stable: JavaScript maps them to code strings. */
typedef enum vit158_status {
    VIT158_OK = 0,
    VIT158_E_ARGUMENT = 1,  /* a caller's value is out of range or NULL */
    VIT158_E_STATE = 2,     /* the call does not fit the object's state (no input yet, ...) */
    VIT158_E_MEMORY = 3,    /* not enough memory */
    VIT158_E_ABORTED = 4,   /* stopped by the caller's hook */
    VIT158_E_FORMAT = 5,    /* not a file of the expected kind */
    VIT158_E_TRUNCATED = 6, /* the file ends before it should */
    VIT158_E_LIMIT = 7,     /* larger than a stated limit */
    VIT158_E_JSON = 8,      /* model: the header is not valid JSON */
    VIT158_E_METADATA =
        9,                /* model: a metadata value is missing, malformed or contradicts a shape */
    VIT158_E_TENSOR = 10, /* model: a tensor is missing, misplaced or of the wrong type or shape */
    VIT158_E_VALUE = 11,  /* model: a stored number is not finite, or out of its range */
    VIT158_E_IMAGE = 12,  /* image: damaged or inconsistent data */
    VIT158_E_UNSUPPORTED = 13, /* valid, but of a kind this library does not handle */
    VIT158_E_NUMERIC = 14,     /* the forward pass produced a logit that is not finite */
    VIT158_E_IO = 15,          /* a file could not be read or written (tools only) */
    VIT158_E_THREAD = 16       /* a worker thread died: make a new session */
} vit158_status;

/* A status with a sentence for people: what was wrong and where. */
typedef struct vit158_error {
    vit158_status status;
    char message[252]; /* NUL-terminated UTF-8 */
} vit158_error;

/* "E_TENSOR" and the like; static storage. Unknown values give "E_UNKNOWN". */
const char *vit158_status_name(vit158_status status);

/* "0.1.0"; static storage. */
const char *vit158_version(void);

/* Changes whenever the same input may give different bits. */
uint32_t vit158_numerics_version(void);

/* ---- Model ---------------------------------------------------------------------------------- */

typedef struct vit158_model vit158_model;
typedef struct vit158_loader vit158_loader;

/* Geometry and size of a model, the one list of them: FILE(type, name) for what the file decides,
 * MEMORY(type, name) for what this build adds. The struct, what `vit158 info` and `inspect` print
 * and what JavaScript gets are made from it. */
#define VIT158_MODEL_FACTS(FILE, MEMORY)                                                           \
    FILE(uint32_t, image_size) /* S: side of the square input in pixels */                         \
    FILE(uint32_t, patch_size)                                                                     \
    FILE(uint32_t, channels) /* 1 or 3 */                                                          \
    FILE(uint32_t, dim)      /* d */                                                               \
    FILE(uint32_t, depth)    /* L */                                                               \
    FILE(uint32_t, heads)    /* H; the most of a block, if they differ, as is mlp_dim */           \
    FILE(uint32_t, head_dim) /* d / H; of a pruned model, what that was */                         \
    FILE(uint32_t, mlp_dim)                                                                        \
    FILE(uint32_t, classes)            /* C; 0 if the model has no head */                         \
    FILE(uint32_t, tokens)             /* N = (S / patch_size)^2 + prefix_tokens */                \
    FILE(uint32_t, prefix_tokens)      /* before the patches: class token, registers and such */   \
    FILE(uint32_t, embedding)          /* values of the embedding, d or a multiple */              \
    FILE(uint64_t, parameters)         /* every weight, bias and norm; scales are not counted */   \
    FILE(uint64_t, ternary_parameters) /* of these, weights stored as trits */                     \
    FILE(uint64_t, int8_parameters)    /* and weights stored as int8 */                            \
    FILE(uint64_t, file_bytes)         /* size of the file it came from */                         \
    MEMORY(uint64_t, weight_bytes)     /* memory the opened model occupies */

#define VIT158_MODEL_FACT(type, name) type name;
typedef struct vit158_model_info {
    VIT158_MODEL_FACTS(VIT158_MODEL_FACT, VIT158_MODEL_FACT)
} vit158_model_info;
#undef VIT158_MODEL_FACT

/* Opens a model from a complete file in memory; `bytes` may be freed afterwards. */
vit158_status vit158_model_open(vit158_model **out, const void *bytes, size_t n_bytes,
                                vit158_error *error);
void vit158_model_close(vit158_model *model);

/* Opening a file that arrives in pieces. `expected_bytes` is the file's length, or 0 if unknown
 * (memory then grows with the bytes that arrive). Every piece is validated as it comes. */
vit158_status vit158_loader_create(vit158_loader **out, uint64_t expected_bytes,
                                   vit158_error *error);
/* Metadata that replaces or adds to the file's: a JSON object of strings, n_bytes of it, given
 * before the first byte. So a file opens that lacks what no shape tells (heads, mean, std). Errors:
 * VIT158_E_STATE, VIT158_E_JSON, VIT158_E_MEMORY. */
vit158_status vit158_loader_set_metadata(vit158_loader *loader, const char *json, size_t n_bytes,
                                         vit158_error *error);
vit158_status vit158_loader_push(vit158_loader *loader, const void *bytes, size_t n_bytes,
                                 vit158_error *error);
/* Ends the file and hands out the model. The loader remains to be closed by the caller. */
vit158_status vit158_loader_finish(vit158_loader *loader, vit158_model **out, vit158_error *error);
void vit158_loader_close(vit158_loader *loader);

void vit158_model_get_info(const vit158_model *model, vit158_model_info *out);

/* Value of a metadata key as stored ("dataset", "mean", ...), or NULL if the file has none. */
const char *vit158_model_metadata(const vit158_model *model, const char *key);

/* The whole __metadata__ object as JSON text, as it is in the file. */
const char *vit158_model_metadata_json(const vit158_model *model);

/* Label of a class, "" if the file has no labels; NULL if `index` >= C. */
const char *vit158_model_label(const vit158_model *model, uint32_t index);

/* ---- Session -------------------------------------------------------------------------------- */

typedef struct vit158_session vit158_session;

/* Kernel variant; all give the same bits. A build without SIMD has only the scalar one. AUTO is the
 * fastest that the build has and the processor runs. */
typedef enum vit158_engine {
    VIT158_ENGINE_AUTO = 0,
    VIT158_ENGINE_SCALAR = 1,
    VIT158_ENGINE_SIMD128 = 2,
    VIT158_ENGINE_AVX2 = 3 /* native builds for x86-64 */
} vit158_engine;

/* 1 if this build has the engine and this processor runs it, else 0. */
uint32_t vit158_engine_runs(vit158_engine engine);

/* Kernel of the ternary matrix products; all give the same bits. */
typedef enum vit158_gemm {
    VIT158_GEMM_AUTO = 0, /* chosen per layer shape by a measured rule */
    VIT158_GEMM_DOT = 1,
    VIT158_GEMM_TABLE = 2
} vit158_gemm;

/* Zero-initialise for the defaults. */
typedef struct vit158_options {
    vit158_engine engine;
    vit158_gemm gemm;
    uint32_t threads; /* 0 = 1; at most 64; builds without threads run on one */
    /* Merging of tokens that are alike, so that later blocks cost less: NULL or "off"; a list of
     * block:tokens, blocks from 0, such as "4:45,6:40,8:35"; or "fast", "faster", "fastest" for the
     * list that the model's metadata have for it. Read while the session is made. */
    const char *merge;
    uint32_t explain;       /* 1 = keep attention for vit158_session_attention */
    double (*now_ms)(void); /* clock for vit158_session_timing, NULL = no timing. With a clock and
                               several threads, images are done on one while other processes leave
                               the others no core */
} vit158_options;

/* Plans and allocates all memory that runs will use. `options` may be NULL. The model must outlive
 * the session. A list of merges that does not fit the model is VIT158_E_ARGUMENT, a name for which
 * it has no list VIT158_E_UNSUPPORTED. */
vit158_status vit158_session_create(vit158_session **out, const vit158_model *model,
                                    const vit158_options *options, vit158_error *error);
void vit158_session_close(vit158_session *session);

/* Bytes of the session's arena. */
size_t vit158_session_memory_bytes(const vit158_session *session);

/* What the session merges, as the list of options.merge without what merges nothing, in order of
 * blocks; "off" if it merges nothing. Writes at most capacity - 1 bytes and a NUL; 4 kB hold any.
 * Returns the number of bytes without the NUL. */
size_t vit158_session_merges(const vit158_session *session, char *out, size_t capacity);

/* "scalar", "simd128" or "avx2". */
const char *vit158_session_engine(const vit158_session *session);

/* -- Input: either an image in strips of rows, or a prepared tensor. -- */

/* Interleaved 8-bit pixels; the value is the number of bytes per pixel. */
typedef enum vit158_pixels {
    VIT158_PIXELS_GRAY = 1,
    VIT158_PIXELS_RGB = 3,
    VIT158_PIXELS_RGBA = 4 /* alpha is dropped, not composited, as Pillow's convert("RGB") does */
} vit158_pixels;

/* Width and height of an image are 1 .. VIT158_MAX_IMAGE_SIDE. */
#define VIT158_MAX_IMAGE_SIDE 16384

/* Starts an image; its rows follow from top to bottom in any number of calls. Resize (as Pillow
 * does, byte for byte), crop and normalisation follow the model's recipe. */
vit158_status vit158_session_begin_image(vit158_session *session, uint32_t width, uint32_t height,
                                         vit158_pixels pixels, vit158_error *error);

/* `rows`: n_rows * row_bytes bytes, row_bytes >= width * pixels. After the last row the input is
 * complete; further rows are VIT158_E_STATE. */
vit158_status vit158_session_push_rows(vit158_session *session, const uint8_t *rows,
                                       size_t row_bytes, uint32_t n_rows, vit158_error *error);

/* A whole image at once. */
vit158_status vit158_session_set_image(vit158_session *session, const uint8_t *pixels_hwc,
                                       uint32_t width, uint32_t height, size_t row_bytes,
                                       vit158_pixels pixels, vit158_error *error);

/* A normalised tensor [channels][S][S]; `count` = channels * S * S. Values must be finite. */
vit158_status vit158_session_set_tensor(vit158_session *session, const float *values, size_t count,
                                        vit158_error *error);

/* The current input tensor [channels][S][S]; NULL before an input is complete and from the first
 * step on, which uses it up. */
const float *vit158_session_tensor(const vit158_session *session);

/* -- Running -- */

/* The forward pass is `step_count` steps: "embed", then per block "blocks.i.attn", in blocks that
 * merge tokens "blocks.i.merge", and "blocks.i.mlp", then "head". */
uint32_t vit158_session_step_count(const vit158_session *session);

/* Name of step `index`, NULL if out of range; valid until the next call of this function. */
const char *vit158_session_step_name(vit158_session *session, uint32_t index);

/* Runs the next step; the first call after an input starts at "embed". After the last step the
 * results are ready. VIT158_E_STATE if no input is set or the pass is complete. */
vit158_status vit158_session_step(vit158_session *session, vit158_error *error);

/* Called before each step with its index; a non-zero return stops the pass (VIT158_E_ABORTED). */
typedef int (*vit158_hook)(void *context, uint32_t step);

/* Runs all remaining steps. `hook` may be NULL. */
vit158_status vit158_session_run(vit158_session *session, vit158_hook hook, void *context,
                                 vit158_error *error);

/* -- Results of the last complete pass (NULL before one); valid until the next input -- */

const float *vit158_session_logits(const vit158_session *session); /* [C] */
const float *vit158_session_embedding(
    const vit158_session *session); /* [info.embedding]: what the head multiplies */

/* Residual stream after the last step run ("embed" to the last "mlp"), copied out token-major
 * [N][d]; for step-by-step comparison with other implementations. `count` = N * d, with N the
 * tokens that merges before have left. Of the last block only the tokens that the head reads are
 * computed (the class token; all that are averaged): other rows are then 0 (vit158_observe.h: of an
 * observed session all are). */
vit158_status vit158_session_copy_hidden(const vit158_session *session, float *out, size_t count,
                                         vit158_error *error);

/* Lower-case hexadecimal SHA-256, NUL-terminated, of what the pass has come to: of the input tensor
 * before the first step; of the residual stream from "embed" to the last "mlp", as float32
 * [d][N] little-endian, of those tokens only that are computed in the last block; of the logits
 * after "head", or of the embedding if there is no head. Equal bits give equal hashes, so two runs
 * can be compared step by step. */
vit158_status vit158_session_state_sha256(const vit158_session *session, char out[65],
                                          vit158_error *error);

typedef struct vit158_prediction {
    uint32_t index;
    float score; /* softmax probability */
} vit158_prediction;

/* The k most probable classes, best first, ties by lower index. Returns how many were written:
 * min(k, C), 0 before a complete pass. */
uint32_t vit158_session_top_k(const vit158_session *session, vit158_prediction *out, uint32_t k);

/* With options.explain: attention probabilities of the class token, [L][H][N]; where the head reads
 * several tokens or averages the patches, the mean of theirs. Attention to tokens that have become
 * one is shared out equally among them. Else NULL. */
const float *vit158_session_attention(const vit158_session *session);
/* With options.explain: attention rollout (Abnar & Zuidema 2020) of the class token, [N]: head
 * means, plus identity, rows renormalised, multiplied through the blocks. Else NULL. */
const float *vit158_session_rollout(const vit158_session *session);

/* Milliseconds of the last image; all 0 without options.now_ms. */
typedef struct vit158_timing {
    double preprocess; /* resize, crop, normalise */
    double embed;
    double blocks;
    double head;
} vit158_timing;
void vit158_session_timing(const vit158_session *session, vit158_timing *out);
/* Milliseconds of each step, [step_count]. */
const double *vit158_session_step_ms(const vit158_session *session);

/* ---- Images ------------------------------------------------------------------------------- */

/* A decoded image, upright (EXIF orientation applied). */
typedef struct vit158_image {
    uint32_t width;
    uint32_t height;
    uint32_t pixels;    /* VIT158_PIXELS_GRAY or VIT158_PIXELS_RGB: alpha is dropped */
    uint32_t row_bytes; /* width * pixels */
    uint8_t *data;      /* [height][width][pixels], owned by the image */
} vit158_image;

/* Decodes a file in memory: JPEG (baseline or progressive, 8 bits) and PNG with stb_image, the same
 * pixels in every build, and WebP with libwebp. PNG pixels are Pillow's (of 16-bit samples the high
 * bytes), JPEG pixels within a few levels of libjpeg's.
 *
 * Structure, checksums and dimensions are checked first, so damage is found before memory is
 * taken. Faults that libjpeg, libpng and browsers look past are mended in a copy of the bytes:
 * what stands between JPEG segments, Huffman tables or an Adobe segment left out, scan parameters
 * of baseline images, a trailer before the end marker; ancillary PNG chunks with a wrong
 * checksum, whatever follows the image data, their missing Adler checksum, palettes too short
 * (black) or too long. A JPEG without an end marker is truncated. WebP is read where libwebp was
 * found when this was built (VIT158_WEBP of CMake), with its pixels, which are Pillow's: lossy,
 * lossless, alpha dropped, of an animation the first frame on a black canvas. `max_bytes` bounds
 * the memory of the decoder, result included (0 = 1 GiB, 2 GiB at most); besides, a file is refused
 * whose data cannot hold the pixels it announces (512 pixels a byte of JPEG data, 1032 bytes of
 * pixels a byte of PNG data), or that has more than 100 scans or scans times pixels above 1e9, so
 * that decoding takes seconds at most; it cannot be stopped. Not counted: Huffman tables of
 * lossless WebP, up to 1.3 GB that a hostile file may make libwebp take.
 *
 * Fails with E_FORMAT (none of these formats), E_UNSUPPORTED (another format, or a kind of these
 * that is not read), E_TRUNCATED, E_IMAGE (damaged), E_LIMIT or E_MEMORY. Damage inside JPEG's
 * compressed data may decode. The caller ends the image with vit158_image_free. */
vit158_status vit158_image_decode(vit158_image *out, const void *bytes, size_t n_bytes,
                                  size_t max_bytes, vit158_error *error);
void vit158_image_free(vit158_image *image); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
