/* SPDX-License-Identifier: MIT
 *
 * The model reader natively and as wasm, where size_t has 32 bits: the same file gives the same
 * weights to the bit, and damaged or hostile ones never trap.
 */
#include "check.h"

#include <string.h>

#include "base/text.h"
#include "model/model.h"

/* Sizes of the file that is built; `claimed` ones may be huge, without any data. */
typedef struct sizes {
    uint32_t dim;
    uint32_t hidden;
    uint32_t depth;
    bool ternary;
    bool sums; /* of rows, 1 to 3 an output, F16 scales and stored steps: version 2 */
} sizes;

/* How a tensor's elements are stored. */
typedef enum element { FLOATS, HALVES, BYTES } element;

#define MAX_SUMS 16U

typedef struct file {
    char *bytes; /* prefix, header, data */
    size_t n_bytes;
    size_t capacity;
    size_t header_end;
    uint64_t data_bytes;
    uint64_t counts_at[MAX_SUMS]; /* in the data: row counts of each matrix */
    uint32_t counts[MAX_SUMS];    /* how many */
    uint32_t sums;
} file;

#define PREFIX 8U

static void add_text(file *f, const char *text)
{
    const size_t n_bytes = strlen(text);
    if (f->n_bytes + n_bytes <= f->capacity)
        memcpy(f->bytes + f->n_bytes, text, n_bytes);
    f->n_bytes += n_bytes;
}

static void add_tensor(file *f, const char *name, element kind, uint64_t a, uint64_t b)
{
    static const char *const dtypes[] = {"F32", "F16", "U8"};
    static const uint32_t n_bytes[] = {4, 2, 1};
    char entry[192];
    const uint64_t begin = f->data_bytes;
    f->data_bytes += a * (b > 0 ? b : 1) * n_bytes[kind];
    vit158_format(entry, sizeof entry,
                  b > 0 ? ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%llu,%llu]"
                        : ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%llu]",
                  name, dtypes[kind], (unsigned long long)a, (unsigned long long)b);
    add_text(f, entry);
    vit158_format(entry, sizeof entry, ",\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                  (unsigned long long)f->data_bytes);
    add_text(f, entry);
}

/* Rows of output `o`, and of all outputs, where there are sums. */
static uint32_t rows_of(uint32_t o)
{
    return 1 + o % 3;
}

static uint32_t row_count(const sizes *s, uint32_t n_out)
{
    uint32_t rows = 0;
    for (uint32_t o = 0; o < n_out; o++)
        rows += s->sums ? rows_of(o) : 1;
    return rows;
}

static uint64_t group_count(uint32_t n_in)
{
    return ((uint64_t)n_in + 4) / 5;
}

static void add_matrix(file *f, const sizes *s, uint32_t block, const char *matrix, uint32_t n_out,
                       uint32_t n_in)
{
    char name[64];
    vit158_format(name, sizeof name, "blocks.%u.%s.bias", block, matrix);
    add_tensor(f, name, FLOATS, n_out, 0);
    vit158_format(name, sizeof name, "blocks.%u.%s.weight", block, matrix);
    if (!s->ternary) {
        add_tensor(f, name, FLOATS, n_out, n_in);
        return;
    }
    const uint32_t rows = row_count(s, n_out);
    add_tensor(f, name, BYTES, group_count(n_in) * rows, 0);
    vit158_format(name, sizeof name, "blocks.%u.%s.scale", block, matrix);
    add_tensor(f, name, s->sums ? HALVES : FLOATS, s->sums ? rows : 1, 0);
    if (!s->sums)
        return;
    f->counts_at[f->sums] = f->data_bytes;
    f->counts[f->sums++] = n_out;
    vit158_format(name, sizeof name, "blocks.%u.%s.rows", block, matrix);
    add_tensor(f, name, BYTES, n_out, 0);
    vit158_format(name, sizeof name, "blocks.%u.%s.step", block, matrix);
    add_tensor(f, name, FLOATS, 1, 0);
}

static void add_encodings(file *f, const sizes *s)
{
    static const char *const names[] = {"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"};
    const uint32_t n_out[] = {3 * s->dim, s->dim, s->hidden, s->dim};
    const uint32_t n_in[] = {s->dim, s->dim, s->dim, s->hidden};
    char entry[128];
    add_text(f, ",\"encodings\":\"{");
    for (uint32_t i = 0; i < 4 * s->depth; i++) {
        vit158_format(entry, sizeof entry,
                      "%s\\\"blocks.%u.%s.weight\\\":{\\\"type\\\":\\\"trit\\\",\\\"n_in\\\":%u,"
                      "\\\"n_out\\\":%u",
                      i > 0 ? "," : "", i / 4, names[i % 4], n_in[i % 4], n_out[i % 4]);
        add_text(f, entry);
        vit158_format(entry, sizeof entry, s->sums ? ",\\\"rows\\\":%u}" : "}",
                      row_count(s, n_out[i % 4]));
        add_text(f, entry);
    }
    add_text(f, "}\"");
}

static void add_three(file *f, const char *name, uint32_t n, uint32_t d)
{
    char entry[128];
    vit158_format(entry, sizeof entry,
                  ",\"%s\":{\"dtype\":\"F32\",\"shape\":[1,%u,%u],\"data_offsets\":[%llu,%llu]}",
                  name, n, d, (unsigned long long)f->data_bytes,
                  (unsigned long long)(f->data_bytes + 4ULL * n * d));
    f->data_bytes += 4ULL * n * d;
    add_text(f, entry);
}

/* Prefix and header of a model of one-pixel patches, 2 x 2 of them, outer norms, two classes. */
static file build_header(const sizes *s)
{
    file f = {.capacity = 1U << 20};
    f.bytes = check_alloc(f.capacity);
    f.n_bytes = PREFIX;
    char entry[128];
    add_text(&f, "{\"__metadata__\":{\"heads\":\"1\",\"mean\":\"0.5\",\"std\":\"0.25\","
                 "\"labels\":\"[\\\"a\\\",\\\"\\\\u00e4\\\"]\"");
    if (s->ternary)
        add_encodings(&f, s);
    if (s->sums)
        add_text(&f, ",\"format_version\":\"2\"");
    add_text(&f, "}");
    add_three(&f, "cls_token", 1, s->dim);
    add_three(&f, "pos_embed", 5, s->dim);
    vit158_format(entry, sizeof entry,
                  ",\"patch_embed.proj.weight\":{\"dtype\":\"F32\",\"shape\":[%u,1,1,1],"
                  "\"data_offsets\":[%llu,%llu]}",
                  s->dim, (unsigned long long)f.data_bytes,
                  (unsigned long long)(f.data_bytes + 4ULL * s->dim));
    f.data_bytes += 4ULL * s->dim;
    add_text(&f, entry);
    static const char *const vectors[] = {"patch_embed.proj.bias", "norm.weight", "norm.bias"};
    for (int i = 0; i < 3; i++)
        add_tensor(&f, vectors[i], FLOATS, s->dim, 0);
    add_tensor(&f, "head.weight", FLOATS, 2, s->dim);
    add_tensor(&f, "head.bias", FLOATS, 2, 0);
    for (uint32_t block = 0; block < s->depth; block++) {
        static const char *const norms[] = {"norm1.weight", "norm1.bias", "norm2.weight",
                                            "norm2.bias"};
        for (int i = 0; i < 4; i++) {
            char name[64];
            vit158_format(name, sizeof name, "blocks.%u.%s", block, norms[i]);
            add_tensor(&f, name, FLOATS, s->dim, 0);
        }
        add_matrix(&f, s, block, "attn.qkv", 3 * s->dim, s->dim);
        add_matrix(&f, s, block, "attn.proj", s->dim, s->dim);
        add_matrix(&f, s, block, "mlp.fc1", s->hidden, s->dim);
        add_matrix(&f, s, block, "mlp.fc2", s->dim, s->hidden);
    }
    add_text(&f, "}");
    CHECK(f.n_bytes <= f.capacity, "the header has %zu bytes", f.n_bytes);
    f.header_end = f.n_bytes;
    memset(f.bytes, 0, PREFIX);
    for (int i = 0; i < 4; i++)
        f.bytes[i] = (char)((f.header_end - PREFIX) >> 8 * i);
    return f;
}

/* The data: bytes below 64 make small positive floats and valid codes alike. */
static file build_file(const sizes *s)
{
    file f = build_header(s);
    check_rng rng = check_seed(158);
    for (uint64_t i = 0; i < f.data_bytes; i++)
        f.bytes[f.n_bytes++] = (char)(1 + check_below(&rng, 62));
    for (uint32_t i = 0; i < f.sums; i++)
        for (uint32_t o = 0; o < f.counts[i]; o++)
            f.bytes[f.header_end + f.counts_at[i] + o] = (char)rows_of(o);
    CHECK(f.n_bytes <= f.capacity, "the file has %zu bytes", f.n_bytes);
    return f;
}

static const sizes small = {.dim = 6, .hidden = 11, .depth = 2, .ternary = true};
static const sizes newer = {.dim = 6, .hidden = 11, .depth = 2, .ternary = true, .sums = true};

static vit158_status open_in_pieces(vit158_model **model, const char *bytes, size_t n_bytes,
                                    uint64_t expected, size_t piece)
{
    vit158_loader *loader = NULL;
    vit158_status status = vit158_loader_create(&loader, expected, NULL);
    for (size_t at = 0; status == VIT158_OK && at < n_bytes; at += piece)
        status = vit158_loader_push(loader, bytes + at, n_bytes - at < piece ? n_bytes - at : piece,
                                    NULL);
    *model = NULL;
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, model, NULL);
    vit158_loader_close(loader);
    return status;
}

static uint64_t hash_linear(uint64_t hash, const vit158_linear *l)
{
    hash = check_hash(hash, l->bias, l->n_out * sizeof(float));
    if (l->encoding == VIT158_ENCODING_TRIT) {
        hash = check_hash(hash, l->scale, l->scale_count * sizeof(float));
        if (l->inputs.step > 0)
            hash = check_hash(hash, &l->inputs.step, sizeof l->inputs.step);
        return check_hash(hash, l->weight,
                          (size_t)group_count(l->n_in) *
                              vit158_plane_rows(&l->planes, l->n_out, 0, l->n_out));
    }
    return check_hash(hash, l->weight, (size_t)l->n_in * l->n_out * sizeof(float));
}

static uint64_t hash_model(const vit158_model *m)
{
    const size_t width = m->info.dim * sizeof(float);
    uint64_t hash = check_hash(CHECK_HASH, m->cls, width);
    hash = check_hash(hash, m->pos, m->info.tokens * width);
    hash = hash_linear(hash_linear(hash, &m->patch), &m->head);
    hash = check_hash(check_hash(hash, m->norm.weight, width), m->norm.bias, width);
    for (uint32_t i = 0; i < m->info.depth; i++) {
        const vit158_block *block = &m->blocks[i];
        hash = check_hash(check_hash(hash, block->norm1.weight, width), block->norm1.bias, width);
        hash = check_hash(check_hash(hash, block->norm2.weight, width), block->norm2.bias, width);
        hash = hash_linear(hash_linear(hash, &block->qkv), &block->proj);
        hash = hash_linear(hash_linear(hash, &block->fc1), &block->fc2);
    }
    hash = check_hash(hash, m->recipe.mean, sizeof(float));
    return check_hash(hash, vit158_model_label(m, 1), 3);
}

/* ---- Cases ---- */

static void check_weights(const sizes *s, uint64_t expected)
{
    static const size_t pieces[] = {1, 3, 1000, 1U << 20};
    const file f = build_file(s);
    for (int i = 0; i < 8; i++) {
        vit158_model *model;
        const vit158_status status =
            open_in_pieces(&model, f.bytes, f.n_bytes, i < 4 ? f.n_bytes : 0, pieces[i % 4]);
        CHECK(status == VIT158_OK, "piece %zu: status %d", pieces[i % 4], status);
        if (status != VIT158_OK)
            return;
        const uint64_t hash = hash_model(model);
        CHECK(hash == expected, "piece %zu: hash %llu", pieces[i % 4], (unsigned long long)hash);
        CHECK(model->info.weight_bytes < 65536, "%llu",
              (unsigned long long)model->info.weight_bytes);
        vit158_model_close(model);
    }
}

static void the_same_weights_everywhere(void)
{
    check_weights(&small, 11083713349999312565ULL);
    check_weights(&newer, 12892365665055070036ULL);
}

static void refuse_truncations(const sizes *s)
{
    const file f = build_file(s);
    for (size_t n_bytes = 0; n_bytes < f.n_bytes && !check_failed(); n_bytes += 7) {
        vit158_model *model;
        vit158_status status = vit158_model_open(&model, f.bytes, n_bytes, NULL);
        CHECK(status == VIT158_E_TRUNCATED && model == NULL, "%zu bytes: %d", n_bytes, status);
        status = open_in_pieces(&model, f.bytes, n_bytes, 0, 512);
        CHECK(status == VIT158_E_TRUNCATED && model == NULL, "%zu bytes: %d", n_bytes, status);
    }
}

static void every_truncation_is_refused(void)
{
    refuse_truncations(&small);
    refuse_truncations(&newer);
}

static void change_headers(const sizes *s)
{
    static const char flips[] = {0x01, 0x04, 0x10, 0x20};
    const file f = build_file(s);
    uint32_t refused = 0;
    for (size_t i = 0; i < f.header_end && !check_failed(); i++) {
        for (int k = 0; k < 4; k++) {
            vit158_model *model;
            vit158_error error;
            f.bytes[i] ^= flips[k];
            error.message[0] = 0;
            const vit158_status status = vit158_model_open(&model, f.bytes, f.n_bytes, &error);
            CHECK((status == VIT158_OK) == (model != NULL), "byte %zu", i);
            CHECK((status == VIT158_OK) == (error.message[0] == 0), "byte %zu", i);
            refused += status != VIT158_OK;
            vit158_model_close(model);
            f.bytes[i] ^= flips[k];
        }
    }
    CHECK(refused > 3 * f.header_end, "%u", refused);
}

static void every_changed_header_byte_gives_a_model_or_an_error(void)
{
    change_headers(&small);
    change_headers(&newer);
}

/* Counts of rows that are none, too many, or do not add up. */
static void wrong_row_counts_are_refused(void)
{
    static const char wrong[] = {0, 5, 3}; /* the first output has one row */
    const file f = build_file(&newer);
    for (uint32_t i = 0; i < f.sums; i++)
        for (int k = 0; k < 3; k++) {
            vit158_model *model;
            char *const count = f.bytes + f.header_end + f.counts_at[i];
            *count = wrong[k];
            const vit158_status status = vit158_model_open(&model, f.bytes, f.n_bytes, NULL);
            CHECK(status == VIT158_E_VALUE && model == NULL, "matrix %u, count %d: %d", i, wrong[k],
                  status);
            *count = 1;
        }
}

/* The largest sizes that the format allows: 10^12 bytes of float matrices. Where they cannot be
 * addressed they are refused, else nothing happens until they come. */
static void the_largest_sizes(void)
{
    const sizes largest = {.dim = 4096, .hidden = 16384, .depth = 256};
    const file f = build_header(&largest);
    vit158_loader *loader = NULL;
    vit158_error error;
    CHECK(vit158_loader_create(&loader, 0, &error) == VIT158_OK, "");
    const vit158_status status = vit158_loader_push(loader, f.bytes, f.n_bytes, &error);
    const vit158_status expected = SIZE_MAX > UINT32_MAX ? VIT158_OK : VIT158_E_MEMORY;
    CHECK(status == expected, "status %d: %s", status, status != VIT158_OK ? error.message : "");
    vit158_loader_close(loader);
    vit158_model *model;
    const vit158_status whole = vit158_model_open(&model, f.bytes, f.n_bytes, &error);
    CHECK(whole == VIT158_E_TRUNCATED, "status %d", whole);
}

CHECK_CASES({"the same weights everywhere", the_same_weights_everywhere},
            {"every truncation is refused", every_truncation_is_refused},
            {"every changed header byte gives a model or an error",
             every_changed_header_byte_gives_a_model_or_an_error},
            {"wrong row counts are refused", wrong_row_counts_are_refused},
            {"the largest sizes", the_largest_sizes})
