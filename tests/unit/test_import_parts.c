/* SPDX-License-Identifier: MIT
 *
 * Weight files whose tensors say something else than a plain model's: what is computed, what is
 * made of it, and one sentence for each thing that does not fit together.
 */
#include "unit/test.h"

#include "unit/import_parts.h"

#define OK VIT158_OK
#define TENSOR VIT158_E_TENSOR
#define UNSUPPORTED VIT158_E_UNSUPPORTED
#define METADATA VIT158_E_METADATA
#define LIMIT VIT158_E_LIMIT
#define CHECK(cases) parts_check(cases, sizeof(cases) / sizeof(cases)[0])

/* clang-format off */
static void test_geometry(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        {NULL, OK, "33 tensors with names of timm: 32 made, 1", .metadata = "\"format\":\"pt\"", .with = {{"mask_token", "1,1,D", NULL}}},
        {"plain", OK, "32 tensors with names of timm: 32 made; images 8 x 8", .heads = 2},
        {NULL, METADATA, "mean and std of the images are not known", .with = {{"patch_embed.proj.weight", "D,1,4,4", NULL}}},
        {"grey", OK, "mean 0.5, std 0.5 (as the metadata say)", .with = {{"patch_embed.proj.weight", "D,1,4,4", NULL}},
         .extra = "{\"mean\":\"0.5\",\"std\":\"0.5\"}"},
        {NULL, UNSUPPORTED, "2 channels, not 1 or 3", .with = {{"patch_embed.proj.weight", "D,2,4,4", NULL}}},
        {NULL, TENSOR, "its patch embedding is missing", .without = {"patch_embed.proj.weight"}},
        {NULL, TENSOR, "its position embedding is missing", .without = {"pos_embed"}},
        {NULL, TENSOR, "its MLP of block 0 is missing", .without = {"blocks.0.mlp.fc1.weight"}},
        {NULL, TENSOR, "3 dimensions, not 4", .with = {{"patch_embed.proj.weight", "D,3,16", NULL}}},
        {NULL, TENSOR, "1 dimensions, not 2", .with = {{"head.weight", "48", NULL}}},
        {NULL, TENSOR, "the width is 0; 1 to 4096 are possible", .with = {{"patch_embed.proj.weight", "0,3,4,4", NULL}}},
        {NULL, LIMIT, "the width is 4097", .with = {{"patch_embed.proj.weight", "4097,3,1,1", NULL}}},
        {NULL, LIMIT, "the patches' side is 129", .with = {{"patch_embed.proj.weight", "D,3,129,1", NULL}}},
        {NULL, TENSOR, "its shape is not what", .with = {{"patch_embed.proj.weight", "D,3,4,8", NULL}}},
        {NULL, LIMIT, "the MLP's width is 16385", .with = {{"blocks.0.mlp.fc1.weight", "16385,1", NULL}}},
        {NULL, LIMIT, "the number of classes is 65537", .with = {{"head.weight", "65537,1", NULL}}},
        {NULL, LIMIT, "the images' side is 2052", .image_size = 2052},
        {NULL, LIMIT, "the number of tokens is 262145", .image_size = 2048},
        {NULL, VIT158_E_ARGUMENT, "--size 10 is not a multiple", .image_size = 10},
        {NULL, LIMIT, "4098 positions, above 4097", .with = {{"pos_embed", "1,4098,D", NULL}}},
        {NULL, TENSOR, "6 positions are not a square grid", .with = {{"pos_embed", "1,6,D", NULL}}},
        {NULL, TENSOR, "0 positions are not a square grid", .with = {{"pos_embed", "1,0,D", NULL}}},
        {NULL, TENSOR, "tensor pos_embed: its shape", .with = {{"pos_embed", "2,5,D", NULL}}},
        {NULL, TENSOR, "tensor pos_embed: its shape", .with = {{"pos_embed", "1,5,8", NULL}}},
        {NULL, OK, "a position of zeros for the class token", .with = {{"pos_embed", "1,4,D", NULL}}},
        {"enlarged thrice", OK, "positions resized from 2 x 2 to 6 x 6", .image_size = 24},
        {"with a weight of 0", OK, "positions resized from 4 x 4 to 12 x 12", .image_size = 48, .with = {{"pos_embed", "1,17,D", NULL}}},
        {NULL, OK, "1 missing biases made of zeros", .without = {"patch_embed.proj.bias"}},
        {"made smaller", OK, "positions resized from 5 x 5 to 2 x 2", .image_size = 8, .with = {{"pos_embed", "1,26,D", NULL}}},
        {NULL, TENSOR, "its norm.weight is missing", .without = {"norm.weight"}},
        {NULL, TENSOR, "tensor norm.weight: its shape", .with = {{"norm.weight", "8", NULL}}},
        {NULL, TENSOR, "tensor head.bias: its shape", .with = {{"head.bias", "1,3", NULL}}},
        {NULL, TENSOR, "tensor head.weight: its shape", .with = {{"head.weight", "3,8", NULL}}},
        {NULL, TENSOR, "tensor patch_embed.proj.bias: its shape", .with = {{"patch_embed.proj.bias", "8", NULL}}},
        {NULL, TENSOR, "its elements are I64", .with = {{"norm.weight", "D", "I64"}}},
        {NULL, TENSOR, "its elements are BOOL", .with = {{"blocks.1.norm1.weight", "D", "BOOL"}}},
        {"F64", OK, "32 made", .with = {{"norm.bias", "D", "F64"}}},
        {NULL, TENSOR, "block 1 lacks the weight after attention", .without = {"blocks.1.attn.proj.weight"}},
        {NULL, TENSOR, "blocks.1.norm2.weight: its shape is not 16 by 1", .with = {{"blocks.1.norm2.weight", "4,4", NULL}}},
        {NULL, TENSOR, "blocks.0.attn.qkv.weight: its shape is not 48 by 16", .with = {{"blocks.0.attn.qkv.weight", "48,8", NULL}}},
        {NULL, TENSOR, "blocks.0.attn.qkv.bias: its shape is not 48 by 1", .with = {{"blocks.0.attn.qkv.bias", "3,16", NULL}}},
        {NULL, TENSOR, "tensor blocks.1.norm1.weight has no use beside the others", .without = {"blocks.0.norm1", "blocks.0.norm2"}},
        {"int8 with a row of zeros", OK, "32 made", .weights = VIT158_IMPORT_I8},
        {"LayerScale", OK, "2 LayerScales folded", .with = {{"blocks.0.ls1.gamma", "D", NULL}, {"blocks.1.gamma_2", "D", NULL}}},
        {NULL, TENSOR, "blocks.0.ls2.gamma: its shape is not 16 by 1", .with = {{"blocks.0.ls2.gamma", "8", NULL}}},
    };
    CHECK(cases);
}

static void test_names(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        {NULL, OK, ", 1 without a use: mask_token", .with = {{"mask_token", "1,1,D", NULL}}},
        {NULL, TENSOR, "blocks.01.norm1.weight is not known", .with = {{"blocks.01.norm1.weight", "D", NULL}}},
        {NULL, TENSOR, "blocks.256.norm1.weight is not known", .with = {{"blocks.256.norm1.weight", "D", NULL}}},
        {NULL, TENSOR, "blocks.0000.norm1.weight is not known", .with = {{"blocks.0000.norm1.weight", "D", NULL}}},
        {NULL, TENSOR, "blocks.1234.norm1.weight is not known", .with = {{"blocks.1234.norm1.weight", "D", NULL}}},
        {NULL, TENSOR, "blocks.x.norm1.weight is not known", .with = {{"blocks.x.norm1.weight", "D", NULL}}},
        {NULL, TENSOR, "blocks.:.norm1.weight is not known", .with = {{"blocks.:.norm1.weight", "D", NULL}}},
        {NULL, TENSOR, "blocks.1norm1.weight is not known", .with = {{"blocks.1norm1.weight", "D", NULL}}},
        {NULL, TENSOR, "holds no tensor", .without = {""}},
        {NULL, TENSOR, "there is no block", .without = {"blocks."}},
        {NULL, TENSOR, "a name of Hugging Face (transformers 4) among names of torchvision", .without = {""},
         .with = {{"class_token", "1,1,D", NULL}, {"encoder.layer.0.output.dense.bias", "D", NULL}}},
        {NULL, TENSOR, "a name of Hugging Face (transformers 5) among names of Hugging Face (transformers 4)", .without = {""},
         .with = {{"vit.embeddings.cls_token", "1,1,D", NULL}, {"encoder.layer.0.output.dense.bias", "D", NULL},
                  {"layers.0.mlp.fc1.bias", "D", NULL}}},
        {NULL, UNSUPPORTED, "is a vit158 model already: it opens as it is", .metadata = "\"format\":\"vit158\"",
         .with = {{"blocks.0.attn.qkv.scale", "1", NULL}}},
        {NULL, METADATA, "--metadata: head is set by the import itself", .extra = "{\"head\":\"none\"}"},
        {NULL, METADATA, "--metadata: a JSON object of strings", .extra = "{\"head\":1}"},
        {NULL, METADATA, "has Hugging Face's names, whose numbers stand in config.json", .hugging_face = true},
        {NULL, METADATA, "whose numbers stand in config.json", .without = {""}, .with = {{"layers.0.mlp.fc1.bias", "D", NULL}}},
    };
    CHECK(cases);
}

static void test_heads(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        {NULL, METADATA, "the number of heads cannot be seen in a file, and the width 16", .heads = NO_HEADS},
        {NULL, OK, "heads 3 (as ViTs of this width have", .heads = NO_HEADS, .dim = 192},
        {NULL, OK, "heads 3 (by the architecture's name)", .heads = NO_HEADS, .dim = 192, .file = "vit_tiny_patch4.safetensors"},
        {"a name of another width", OK, "heads 3 (as ViTs of this", .heads = NO_HEADS, .dim = 192, .file = "vit_small_patch4.safetensors"},
        {NULL, OK, "heads 4 (as the metadata say)", .heads = NO_HEADS, .extra = "{\"heads\":\"4\"}"},
        {"the file's own", OK, "heads 4 (as the metadata say)", .heads = NO_HEADS, .metadata = "\"heads\":\"4\""},
        {NULL, METADATA, "the metadata's heads are two, not a whole number", .heads = NO_HEADS, .extra = "{\"heads\":\"two\"}"},
        {NULL, METADATA, "0 heads do not divide a width of 16", .heads = NO_HEADS, .extra = "{\"heads\":\"0\"}"},
        {NULL, METADATA, "3 heads do not divide a width of 16", .heads = 3},
        {NULL, METADATA, "512 heads do not divide a width of 1024", .heads = 512, .dim = 1024, .without = {"blocks.1", "qkv"}},
    };
    CHECK(cases);
}

static void test_tokens_and_heads(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        {NULL, TENSOR, "tensor cls_token: its shape is not what", .with = {{"cls_token", "1,1,8", NULL}}},
        {NULL, TENSOR, "tensor cls_token: its shape is not 1 by 1 to 64", .with = {{"cls_token", "1,D", NULL}}},
        {NULL, TENSOR, "tensor cls_token: its shape is not 1 by 1 to 64", .with = {{"cls_token", "2,1,D", NULL}}},
        {NULL, TENSOR, "tensor reg_token: its shape is not 1 by 1 to 64", .with = {{"reg_token", "1,65,D", NULL}}},
        {NULL, UNSUPPORTED, "has more than 64 tokens before its patches", .with = {{"reg_token", "1,64,D", NULL}}},
        {NULL, UNSUPPORTED, "has a distillation token and no class token", .without = {"cls_token"}, .with = {{"dist_token", "1,1,D", NULL}}},
        {"registers", OK, "; 3 tokens before the patches", .with = {{"reg_token", "1,2,D", NULL}, {"pos_embed", "1,7,D", NULL}}},
        {NULL, OK, "; no class token", .without = {"cls_token"}, .with = {{"pos_embed", "1,4,D", NULL}}},
        {NULL, TENSOR, "it takes the class token, but has none", .without = {"cls_token"}, .extra = "{\"pooling\":\"cls\"}"},
        {NULL, OK, "; the mean of the patches;", .extra = "{\"pooling\":\"avg\"}"},
        {NULL, OK, "; the mean of the patches, normalised (fc_norm)", .with = {{"fc_norm.weight", "D", NULL}, {"fc_norm.bias", "D", NULL}}},
        {NULL, UNSUPPORTED, "normalises the class token twice", .extra = "{\"pooling\":\"cls\"}",
         .with = {{"fc_norm.weight", "D", NULL}, {"fc_norm.bias", "D", NULL}}},
        {"fc_norm of the class token", OK, "32 made", .extra = "{\"pooling\":\"cls\"}", .without = {"norm.weight", "norm.bias"},
         .with = {{"fc_norm.weight", "D", NULL}, {"fc_norm.bias", "D", NULL}}},
        {NULL, TENSOR, "tensor fc_norm.weight: its shape", .with = {{"fc_norm.weight", "8", NULL}, {"fc_norm.bias", "D", NULL}}},
        {"fc_norm alone", OK, "; the mean of the patches, normalised (fc_norm)", .without = {"norm.weight", "norm.bias"},
         .with = {{"fc_norm.weight", "D", NULL}, {"fc_norm.bias", "D", NULL}}},
        {NULL, OK, "; a norm before the first block", .with = {{"norm_pre.weight", "D", NULL}, {"norm_pre.bias", "D", NULL}}},
        {NULL, TENSOR, "tensor norm_pre.bias: its shape", .with = {{"norm_pre.weight", "D", NULL}, {"norm_pre.bias", "8", NULL}}},
        {NULL, OK, "; no head: it gives embeddings", .without = {"head."}},
        {"labels without a head", OK, "; no head: it gives embeddings", .without = {"head."}, .labels = "a\nb\n"},
        {NULL, TENSOR, "its head's weight is missing", .without = {"head.weight"}},
#define DISTILLED {"dist_token", "1,1,D", NULL}, {"pos_embed", "1,6,D", NULL}
        {NULL, OK, "; two heads made one", .with = {DISTILLED, {"head_dist.weight", "3,D", NULL}, {"head_dist.bias", "3", NULL}}},
        {"as int8", OK, "1 missing biases made of zeros", .weights = VIT158_IMPORT_I8, .with = {DISTILLED, {"head_dist.weight", "3,D", NULL}}},
        {NULL, TENSOR, "tensor head_dist.weight: its shape is not 3 by 16", .with = {DISTILLED, {"head_dist.weight", "3,8", NULL}}},
        {NULL, TENSOR, "tensor head.weight: its shape is not 3 by 16",
         .with = {DISTILLED, {"head.weight", "3,8", NULL}, {"head_dist.weight", "3,D", NULL}}},
        {NULL, TENSOR, "tensor head.bias: its shape is not 3 by 1",
         .with = {DISTILLED, {"head.bias", "1,3", NULL}, {"head_dist.weight", "3,D", NULL}}},
        {NULL, TENSOR, "tensor head_dist.bias: its shape is not 3 by 1",
         .with = {DISTILLED, {"head_dist.weight", "3,D", NULL}, {"head_dist.bias", "2", NULL}}},
        {NULL, TENSOR, "but not what belongs to it", .with = {{"head_dist.weight", "3,D", NULL}}},
        {NULL, TENSOR, "but not what belongs to it", .without = {"head."}, .with = {DISTILLED, {"head_dist.weight", "3,D", NULL}}},
        {NULL, TENSOR, "but not what belongs to it", .with = {DISTILLED, {"head_dist.weight", "3,D", NULL}}, .extra = "{\"pooling\":\"avg\"}"},
    };
    CHECK(cases);
}

#define INNER(b, name, side) {"blocks." b "." name ".weight", side, NULL}, {"blocks." b "." name ".bias", side, NULL}
#define BARE(b, name, side) {"blocks." b "." name ".weight", side, NULL}

static void test_activations_and_norms(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        {NULL, METADATA, "activation is gelu, gelu_tanh or quick_gelu, not relu", .extra = "{\"activation\":\"relu\"}"},
        {NULL, OK, "; activation gelu_tanh", .extra = "{\"activation\":\"gelu_tanh\"}"},
        {NULL, OK, "; activation quick_gelu", .file = "vit_quickgelu.safetensors"},
        {NULL, OK, "; activation gelu_tanh", .file = "vit_siglip.safetensors"},
        {NULL, UNSUPPORTED, "its norms have no bias", .without = {"norm1.bias"}},
        {NULL, UNSUPPORTED, "its norms have no bias", .without = {"norm1.bias"}, .extra = "{\"norm\":\"rms\"}"},
        {NULL, OK, ", 2 missing biases made of zeros", .without = {"norm1.bias"}, .extra = "{\"norm\":\"layer\"}"},
        {NULL, OK, "; norms before proj and fc2", .with = {INNER("0", "attn.norm", "D"), INNER("1", "attn.norm", "D")}},
        {NULL, OK, "; norms before proj and fc2", .with = {INNER("0", "mlp.norm", "8"), INNER("1", "mlp.norm", "8")}},
        {NULL, TENSOR, "block 1 lacks the norm of a matrix", .with = {INNER("0", "attn.norm", "D")}},
        {NULL, UNSUPPORTED, "latent weights of a ternary model", .with = {INNER("0", "attn.proj.norm", "D"), INNER("1", "attn.proj.norm", "D")}},
        {NULL, UNSUPPORTED, "latent weights of a ternary model", .with = {INNER("0", "mlp.fc2.norm", "8"), INNER("1", "mlp.fc2.norm", "8")}},
        {NULL, UNSUPPORTED, "latent weights of a ternary model", .metadata = "\"architecture\":\"vit-1.58b\""},
        {"another architecture", OK, "32 made", .metadata = "\"architecture\":\"vit\""},
        {NULL, OK, "matrices are ternary already", .values = PART_TERNARY, .metadata = "\"architecture\":\"vit-1.58b\""},
        {NULL, OK, "matrices are ternary already", .values = PART_TERNARY_ROWS, .weights = VIT158_IMPORT_I8},
        {"zeros are not ternary", OK, "32 made; images", .values = PART_ZEROS},
        {NULL, OK, "matrices are ternary already", .values = PART_TERNARY,
         .with = {INNER("0", "attn.qkv.norm", "D"), INNER("1", "attn.qkv.norm", "D")}},
        {"no outer norms", OK, "matrices are ternary already", .values = PART_TERNARY, .without = {"norm1", "norm2"},
         .with = {INNER("0", "attn.qkv.norm", "D"), INNER("1", "attn.qkv.norm", "D")}},
        {NULL, METADATA, "so they may be RMSNorms", .with = {BARE("0", "attn.qkv.norm", "D"), BARE("1", "attn.qkv.norm", "D")}},
        {"RMSNorms", OK, "are ternary already", .values = PART_TERNARY, .extra = "{\"inner_norm\":\"rms\"}",
         .with = {BARE("0", "attn.qkv.norm", "D"), BARE("1", "attn.qkv.norm", "D")}},
        {"LayerNorms", OK, ", 2 missing biases", .values = PART_TERNARY, .extra = "{\"inner_norm\":\"layer\"}",
         .with = {BARE("0", "attn.qkv.norm", "D"), BARE("1", "attn.qkv.norm", "D")}},
        {NULL, METADATA, "inner_norm is rms, but the norms have biases", .extra = "{\"inner_norm\":\"rms\"}",
         .with = {INNER("0", "attn.qkv.norm", "D"), INNER("1", "attn.qkv.norm", "D")}},
        {"rms without inner norms", OK, "32 made", .extra = "{\"inner_norm\":\"rms\"}"},
        {NULL, TENSOR, "blocks.0.attn.norm.weight: its shape is not 16 by 1", .with = {INNER("0", "attn.norm", "8")}},
    };
    CHECK(cases);
}

static void test_recipes(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        {NULL, OK, "mean 0.5,0.5,0.5, std 0.5,0.5,0.5 (assumed, as timm's vit_ models have", .file = "vit_x.safetensors"},
        {NULL, OK, "mean 0.485,0.456,0.406", .file = "deit_x.safetensors"},
        {"only a mean", OK, "mean 1,1,1, std 0.229,0.224,0.225", .extra = "{\"mean\":\"1,1,1\"}"},
        {NULL, OK, ", shorter side 9", .extra = "{\"resize\":\"9\"}"},
        {NULL, OK, ", crop 0.5", .extra = "{\"crop_pct\":\"0.5\"}"},
        {"an eps", OK, "; eps 1e-7", .extra = "{\"norm_eps\":\"1e-7\"}"},
        {NULL, OK, "; eps 1e-6 (timm's)", .heads = 2},
        {NULL, OK, "; labels for 3 classes", .labels = "a\r\n\n\"b\"\n\rc\\\r"},
        {NULL, OK, "; labels for 3 classes", .labels = "[\"a\", \"b\", \"c\"]"},
        {NULL, METADATA, "labels: 2, but the tensors' shapes say 3", .labels = "[\"a\", \"b\"]"},
        {NULL, METADATA, "labels: 1, but", .labels = "[\"a\", 7]"},
        {NULL, METADATA, "the labels are not UTF-8 text", .labels = "a\n\xFF\nc"},
        {NULL, OK, "; 3 classes without labels", .labels = ""},
        {NULL, OK, "; 3 classes without labels", .labels = "[]"},
    };
    CHECK(cases);
}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geometry),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_tokens_and_heads),
        cmocka_unit_test(test_activations_and_norms),
        cmocka_unit_test(test_recipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
