/* SPDX-License-Identifier: MIT
 *
 * The only file that includes stb_image's code. Scalar code only: its SSE2 inverse transform
 * saturates where the scalar one does not, so damaged files could differ between builds.
 */
#include "image/stb.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

typedef struct budget {
    size_t used;
    size_t limit;
    bool refused;   /* an allocation did not fit */
    bool no_memory; /* the system had none */
} budget;

/* stb_image's allocator has no context argument. */
static _Thread_local budget current;

static void *budget_alloc(size_t n_bytes)
{
    if (n_bytes > current.limit - current.used) {
        current.refused = true;
        return NULL;
    }
    void *block = vit158_block_alloc(n_bytes);
    if (block == NULL)
        current.no_memory = true;
    else
        current.used += n_bytes;
    return block;
}

static void budget_free(void *block)
{
    if (block == NULL)
        return;
    current.used -= vit158_block_bytes(block);
    vit158_block_free(block);
}

static void *budget_realloc(void *block, size_t n_bytes)
{
    void *grown = budget_alloc(n_bytes);
    if (grown == NULL || block == NULL)
        return grown;
    const size_t old_bytes = vit158_block_bytes(block);
    memcpy(grown, block, old_bytes < n_bytes ? old_bytes : n_bytes);
    budget_free(block);
    return grown;
}

#define STBI_MALLOC(n_bytes) budget_alloc(n_bytes)
#define STBI_REALLOC(block, n_bytes) budget_realloc(block, n_bytes)
#define STBI_FREE(block) budget_free(block)
#define STBI_ASSERT(condition) assert(condition)
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_SIMD
#define STBI_MAX_DIMENSIONS VIT158_MAX_IMAGE_SIDE
#define STB_IMAGE_STATIC
/* The names of two of stb_image's functions become macros with arguments, so its definitions get
 * other names, while the places that take their addresses find the functions below. */
#define stbi__resample_row_h_2(out, near, far, w, hs) stretch_row(out, near, far, w, hs)
#define stbi__resample_row_hv_2(out, near, far, w, hs) stretch_rows(out, near, far, w, hs)
#define STB_IMAGE_IMPLEMENTATION
static unsigned char *(stbi__resample_row_h_2)(unsigned char *out, unsigned char *near,
                                               unsigned char *far, int w, int hs);
static unsigned char *(stbi__resample_row_hv_2)(unsigned char *out, unsigned char *near,
                                                unsigned char *far, int w, int hs);
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" /* reported at the end of the file */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#endif
#include <stb/stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* libjpeg does not interpolate between fewer than three chroma samples. */
static stbi_uc *repeat_samples(stbi_uc *out, const stbi_uc *near, int w)
{
    for (int i = 0; i < 2 * w; i++)
        out[i] = near[i / 2];
    return out;
}

/* 4:2:2: twice as many chroma samples in a row of w. stb_image 2.27 exchanges the weights of the
 * last two for the second value from the right. */
static stbi_uc *(stbi__resample_row_h_2)(stbi_uc *out, stbi_uc *near, stbi_uc *far, int w, int hs)
{
    if (w <= 2)
        return repeat_samples(out, near, w);
    stretch_row(out, near, far, w, hs);
    out[2 * w - 2] = (stbi_uc)((3 * near[w - 1] + near[w - 2] + 2) / 4);
    return out;
}

/* 4:2:0: the same from the two nearest rows. */
static stbi_uc *(stbi__resample_row_hv_2)(stbi_uc *out, stbi_uc *near, stbi_uc *far, int w, int hs)
{
    return w <= 2 ? repeat_samples(out, near, w) : stretch_rows(out, near, far, w, hs);
}

static void start(size_t max_bytes)
{
    current = (budget){.limit = max_bytes};
    stbi__g_failure_reason = NULL; /* not all failures set one */
}

static vit158_status finish(vit158_decoded *out, stbi_uc *data, const int size[2], int channels,
                            const char *kind, vit158_error *error)
{
    *out = (vit158_decoded){0};
    if (data == NULL && current.no_memory)
        return vit158_fail(error, VIT158_E_MEMORY, "%s: no memory left to decode it", kind);
    if (data == NULL && current.refused)
        return vit158_fail(error, VIT158_E_LIMIT,
                           "%s: the data inflate to more than the image needs (%zu bytes)", kind,
                           current.limit);
    if (data == NULL) {
        const char *reason = stbi_failure_reason();
        return vit158_fail(error, VIT158_E_IMAGE, "%s: damaged data (%s)", kind,
                           reason != NULL ? reason : "no details");
    }
    *out = (vit158_decoded){.width = (uint32_t)size[0],
                            .height = (uint32_t)size[1],
                            .channels = (uint32_t)channels,
                            .data = data};
    return VIT158_OK;
}

vit158_status vit158_stb_jpeg(vit158_decoded *out, const uint8_t *bytes, size_t n_bytes,
                              uint32_t components, size_t max_bytes, vit158_error *error)
{
    start(max_bytes);
    int size[2], stored;
    const int channels = components == 1 ? 1 : 3;
    stbi_uc *data =
        stbi_load_from_memory(bytes, (int)n_bytes, &size[0], &size[1], &stored, channels);
    return finish(out, data, size, channels, "JPEG", error);
}

bool vit158_stb_inflate(uint8_t *out, size_t n_bytes, const uint8_t *in, size_t in_bytes)
{
    start(0);
    return stbi_zlib_decode_noheader_buffer((char *)out, (int)n_bytes, (const char *)in,
                                            (int)(in_bytes + VIT158_INFLATE_PAD)) == (int)n_bytes;
}

/* Stands for a checksum of the image data that is missing: stb_image takes their early end for
 * damage, though it compares no checksum. */
#define PAD_BYTES VIT158_INFLATE_PAD

/* The file that stb_image sees: a head, the data of the IDAT chunks, a tail. */
typedef struct png_stream {
    uint8_t head[41];             /* signature, IHDR, length and type of the IDAT */
    uint8_t tail[16 + PAD_BYTES]; /* pad; checksum of the IDAT (stb_image reads over it), IEND */
    size_t head_read;
    size_t tail_read;
    vit158_bytes chunks; /* at the next IDAT chunk */
    vit158_bytes data;   /* of the current one */
    uint32_t left;       /* bytes of image data not yet read */
} png_stream;

static size_t copy_part(uint8_t *to, size_t room, const uint8_t *part, size_t n_bytes, size_t *at)
{
    const size_t n = n_bytes - *at < room ? n_bytes - *at : room;
    memcpy(to, part + *at, n);
    *at += n;
    return n;
}

static int png_read(void *user, char *to, int size)
{
    png_stream *s = user;
    uint8_t *out = (uint8_t *)to;
    const size_t room = (size_t)size;
    size_t n = copy_part(out, room, s->head, sizeof s->head, &s->head_read);
    while (n < room && s->left > 0) {
        if (vit158_bytes_left(&s->data) == 0) {
            const uint32_t n_bytes = vit158_bytes_u32(&s->chunks, true);
            vit158_bytes_take(&s->chunks, 4);
            s->data = vit158_bytes_over(vit158_bytes_take(&s->chunks, n_bytes), n_bytes);
            vit158_bytes_take(&s->chunks, 4);
            assert(!s->chunks.failed);
            continue;
        }
        const size_t got =
            copy_part(out + n, room - n, s->data.data, s->data.n_bytes, &s->data.position);
        s->left -= (uint32_t)got;
        n += got;
    }
    if (s->left == 0)
        n += copy_part(out + n, room - n, s->tail, sizeof s->tail, &s->tail_read);
    return (int)n;
}

/* Never called: no chunk of the stream is skipped. */
static void png_skip(void *user, int n)
{
    (void)user;
    (void)n;
    assert(0);
}

static int png_eof(void *user)
{
    const png_stream *s = user;
    return s->tail_read == sizeof s->tail;
}

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

vit158_status vit158_stb_png(vit158_decoded *out, const uint8_t *bytes, const vit158_png_info *info,
                             size_t max_bytes, vit158_error *error)
{
    png_stream s = {.tail = {[PAD_BYTES + 8] = 'I', 'E', 'N', 'D'}, .left = info->idat_bytes};
    const size_t ihdr_bytes = 33; /* with the signature */
    memcpy(s.head, bytes, ihdr_bytes);
    if (info->color_type == VIT158_PNG_INDEXED)
        s.head[25] = VIT158_PNG_GRAY;
    put_u32(s.head + ihdr_bytes, info->idat_bytes + PAD_BYTES);
    memcpy(s.head + ihdr_bytes + 4, "IDAT", 4);
    s.chunks = vit158_bytes_over(bytes + info->idat_offset, info->idat_end - info->idat_offset);

    start(max_bytes);
    static const stbi_io_callbacks callbacks = {png_read, png_skip, png_eof};
    int size[2], channels = 0;
    stbi_uc *data = stbi_load_from_callbacks(&callbacks, &s, &size[0], &size[1], &channels, 0);
    return finish(out, data, size, channels, "PNG", error);
}
