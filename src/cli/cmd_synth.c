/* SPDX-License-Identifier: MIT
 *
 * vit158 synth: a model of standard geometry with random weights, for load and speed work.
 */
#include "cli/commands.h"

#include <stdio.h>

#include "cli/console.h"
#include "cli/options.h"
#include "model/layout.h"
#include "model/synth.h"

typedef struct choices {
    uint32_t arch;
    uint32_t norms;
    uint32_t weights;
    uint32_t rest;
    uint32_t rows;
    uint32_t image_size; /* 0 = the preset's, here and below */
    uint32_t patch_size;
    uint32_t classes;
    uint32_t seed;
    vit158_variant variant;
    uint32_t pooling, activation, inner_norm, inner_norms; /* choices of the variant */
    bool fc_norm;
    bool uneven;
    double unsure;
    const char *out;
} choices;

static const char *const arch_names[] = {"ti", "s", "b", "l", NULL};
static const char *const norm_names[] = {"6", "4", "2", NULL};
static const char *const weight_names[] = {"trit", "i8", "float", NULL};
static const char *const row_names[] = {"1", "2", "3", "4", "mixed", NULL};
static const char *const rest_names[] = {"f16", "f32", NULL};

static const char *const poolings[] = {"cls", "avg", NULL};
static const char *const activations[] = {"gelu", "gelu_tanh", "quick_gelu", NULL};
static const char *const inner_kinds[] = {"layer", "rms", NULL};
static const char *const inner_places[] = {"all", "proj,fc2", NULL};

static void resolve_variant(choices *c)
{
    static const uint32_t places[] = {VIT158_ALL_INNER_NORMS, 1U << VIT158_PROJ | 1U << VIT158_FC2};
    c->variant.pooling = (vit158_pooling)c->pooling;
    c->variant.activation = (vit158_activation)c->activation;
    c->variant.inner_rms = c->inner_norm == 1;
    c->variant.inner_norms = places[c->inner_norms];
    c->variant.fc_norm = c->fc_norm;
    c->variant.final_norm = !c->fc_norm;
}

static vit158_synth_options resolve(const choices *c)
{
    static const char letters[] = {'t', 's', 'b', 'l'};
    static const vit158_encoding encodings[] = {VIT158_ENCODING_TRIT, VIT158_ENCODING_I8,
                                                VIT158_ENCODING_F32};
    vit158_synth_options options;
    vit158_synth_preset(&options, letters[c->arch]);
    if (c->image_size > 0)
        options.image_size = c->image_size;
    if (c->patch_size > 0)
        options.patch_size = c->patch_size;
    if (c->classes > 0)
        options.classes = c->classes;
    options.uneven = c->uneven;
    options.outer_norms = c->norms != 1;
    options.inner_norms = c->norms != 2;
    options.encoding = encodings[c->weights];
    options.rest = c->rest == 0 ? VIT158_DTYPE_F16 : VIT158_DTYPE_F32;
    options.rows = c->rows + 1;
    options.seed = c->seed;
    options.unsure = c->unsure;
    options.variant = &c->variant;
    return options;
}

static vit158_option uint_option(const char *name, const char *help, uint32_t *value, double min,
                                 double max)
{
    return (vit158_option){.name = name,
                           .placeholder = "N",
                           .help = help,
                           .kind = VIT158_OPTION_UINT,
                           .value = value,
                           .min = min,
                           .max = max};
}

static vit158_option choice_option(const char *name, const char *help, uint32_t *value,
                                   const char *const *names)
{
    return (vit158_option){
        .name = name, .help = help, .kind = VIT158_OPTION_CHOICE, .value = value, .choices = names};
}

static vit158_option flag_option(const char *name, const char *help, bool *value)
{
    return (vit158_option){.name = name, .help = help, .kind = VIT158_OPTION_FLAG, .value = value};
}

int vit158_cmd_synth(int argc, char **argv)
{
    choices c = {.arch = 4, .seed = 1, .variant = {.prefix_tokens = 1, .head_tokens = 1}};
    const vit158_option options[] = {
        choice_option("--arch", "geometry: ViT-Ti, S, B or L (required)", &c.arch, arch_names),
        uint_option("--image-size", "side of the images in pixels; default 224", &c.image_size, 1,
                    VIT158_MAX_IMAGE_SIZE),
        uint_option("--patch-size", "side of a patch in pixels; default 16", &c.patch_size, 1,
                    VIT158_MAX_PATCH_SIZE),
        uint_option("--classes", "default 1000", &c.classes, 1, VIT158_MAX_CLASSES),
        choice_option("--norms",
                      "a block: 6 = 2 outer and 4 inner ones, 4 = inner, 2 = outer; "
                      "default 6",
                      &c.norms, norm_names),
        choice_option("--weights", "of the four matrices of each block; default trit", &c.weights,
                      weight_names),
        choice_option("--rows",
                      "ternary rows that add up to an output; mixed: 1 to 4 by the seed; default 1",
                      &c.rows, row_names),
        choice_option("--rest", "how everything else, and float weights, are stored; default f16",
                      &c.rest, rest_names),
        uint_option("--seed", "default 1", &c.seed, 0, UINT32_MAX),
        choice_option("--pooling", "of the first tokens or of all patches; default cls", &c.pooling,
                      poolings),
        uint_option("--prefix-tokens", "before the patches; default 1: the class token",
                    &c.variant.prefix_tokens, 0, VIT158_MAX_PREFIX),
        uint_option("--head-tokens", "of them, the first N go to the head; default 1",
                    &c.variant.head_tokens, 1, VIT158_MAX_PREFIX),
        choice_option("--activation", "of the MLP; default gelu, the exact one", &c.activation,
                      activations),
        choice_option("--inner-norm", "kind of the inner norms; default layer", &c.inner_norm,
                      inner_kinds),
        choice_option("--inner-norms", "before which matrices; default all", &c.inner_norms,
                      inner_places),
        flag_option("--norm-pre", "a norm before the first block", &c.variant.norm_pre),
        flag_option("--fc-norm", "with --pooling avg: a norm of the mean, not of the tokens",
                    &c.fc_norm),
        flag_option("--uneven",
                    "blocks differ in heads and hidden width, by the seed, as if pruned",
                    &c.uneven),
        flag_option("--no-head", "embeddings only", &c.variant.headless),
        {.name = "--unsure",
         .placeholder = "X",
         .help = "answers below this score are marked as unsure; default none",
         .kind = VIT158_OPTION_NUMBER,
         .value = &c.unsure,
         .min = 0,
         .max = 1},
        {.name = "--output",
         .letter = "-o",
         .placeholder = "FILE",
         .help = "the model to write (required)",
         .kind = VIT158_OPTION_TEXT,
         .value = &c.out},
    };
    const vit158_usage usage = {
        .synopsis = "synth --arch ti|s|b|l -o FILE [options]",
        .about = "Writes a valid model of standard geometry with seeded random weights, to test "
                 "loading and speed. It classifies nothing; its metadata says trained = \"false\".",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .notes = "Exit codes: 0 success, 1 it could not be written, 2 wrong usage."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (c.arch == 4 || c.out == NULL) {
        fprintf(stderr, "vit158 synth: --arch and -o are needed (see vit158 synth --help)\n");
        return VIT158_EXIT_USAGE;
    }
    resolve_variant(&c);
    const vit158_synth_options synth = resolve(&c);
    vit158_model_info info;
    vit158_error error;
    if (vit158_synth_file(c.out, &synth, &info, &error) != VIT158_OK)
        return vit158_complain(argv[0], c.out, &error);
    printf("%s: %llu bytes, %llu parameters, %llu of them ternary, untrained\n", c.out,
           (unsigned long long)info.file_bytes, (unsigned long long)info.parameters,
           (unsigned long long)info.ternary_parameters);
    return VIT158_EXIT_OK;
}
