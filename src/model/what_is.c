/* SPDX-License-Identifier: MIT */
#include "model/what_is.h"

#include <stdbool.h>
#include <string.h>

static const struct {
    vit158_content_kind kind;
    uint8_t offset;
    uint8_t n_bytes;
    const char *magic;
} magics[] = {{VIT158_CONTENT_LFS, 0, 34, "version https://git-lfs.github.com"},
              {VIT158_CONTENT_ZIP, 0, 4, "PK\3\4"},
              {VIT158_CONTENT_GGUF, 0, 4, "GGUF"},
              {VIT158_CONTENT_TFLITE, 4, 4, "TFL3"},
              {VIT158_CONTENT_HDF5, 0, 8, "\211HDF\r\n\032\n"},
              {VIT158_CONTENT_GZIP, 0, 2, "\037\213"},
              {VIT158_CONTENT_IMAGE, 0, 3, "\377\330\377"},
              {VIT158_CONTENT_IMAGE, 0, 4, "\211PNG"}};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Whether `text` comes first, in any case; `text` is in lower case. */
static bool begins(const uint8_t *head, size_t n_bytes, const char *text)
{
    const size_t length = strlen(text);
    if (n_bytes < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        const uint8_t c = head[i] >= 'A' && head[i] <= 'Z' ? (uint8_t)(head[i] | 0x20) : head[i];
        if (c != (uint8_t)text[i])
            return false;
    }
    return true;
}

static bool is_text(const uint8_t *head, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        if (head[i] < 0x20 && !is_space(head[i]))
            return false;
    }
    return true;
}

static vit158_content_kind text_kind(const uint8_t *head, size_t n_bytes)
{
    size_t start = 0;
    while (start < n_bytes && is_space(head[start]))
        start++;
    const uint8_t *text = head + start;
    const size_t left = n_bytes - start;
    if (begins(text, left, "<!doctype") || begins(text, left, "<html"))
        return VIT158_CONTENT_HTML;
    return left > 0 && (*text == '{' || *text == '[') ? VIT158_CONTENT_JSON : VIT158_CONTENT_TEXT;
}

/* An ONNX file is a protocol buffer: field 1 (ir_version) a small number, then field 2
 * (producer_name) or 7 (graph), each with a length. */
static bool is_onnx(const uint8_t *head, size_t n_bytes)
{
    return n_bytes > 4 && head[0] == 8 && head[1] < 32 && (head[2] == 0x12 || head[2] == 0x3A);
}

vit158_content_kind vit158_what_is(const uint8_t *head, size_t n_bytes)
{
    if (n_bytes == 0)
        return VIT158_CONTENT_EMPTY;
    if (n_bytes > 8 && head[8] == '{' && head[4] == 0 && head[5] == 0 && head[6] == 0 &&
        head[7] == 0)
        return VIT158_CONTENT_MODEL;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (n_bytes >= (size_t)magics[i].offset + magics[i].n_bytes &&
            memcmp(head + magics[i].offset, magics[i].magic, magics[i].n_bytes) == 0)
            return magics[i].kind;
    }
    if (n_bytes > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return VIT158_CONTENT_PICKLE;
    if (is_onnx(head, n_bytes))
        return VIT158_CONTENT_ONNX;
    return is_text(head, n_bytes) ? text_kind(head, n_bytes) : VIT158_CONTENT_UNKNOWN;
}

const char *vit158_what_is_sentence(vit158_content_kind kind)
{
    static const char *const sentences[] = {
        [VIT158_CONTENT_MODEL] = "is a safetensors file",
        [VIT158_CONTENT_EMPTY] = "is empty: the download failed",
        [VIT158_CONTENT_LFS] = "is a Git LFS pointer, not the file itself: run git lfs pull, or "
                               "download the file from the model's page",
        [VIT158_CONTENT_ZIP] = "is a ZIP archive, as torch.save writes them (.pth, .bin): run "
                               "vit158 import FILE -o OUT.safetensors",
        [VIT158_CONTENT_PICKLE] = "is a pickle in PyTorch's old format (before 1.6): load it with "
                                  "torch.load and save its state_dict with torch.save again",
        [VIT158_CONTENT_GGUF] =
            "is a GGUF file (llama.cpp): take the model's safetensors or PyTorch "
            "file and run vit158 import",
        [VIT158_CONTENT_TFLITE] = "is a TensorFlow Lite model: take the model's safetensors or "
                                  "PyTorch file and run vit158 import",
        [VIT158_CONTENT_HDF5] = "is an HDF5 file (Keras, TensorFlow): take the model's safetensors "
                                "or PyTorch file and run vit158 import",
        [VIT158_CONTENT_GZIP] = "is compressed with gzip: unpack it with gunzip",
        [VIT158_CONTENT_ONNX] =
            "is an ONNX model: take the model's safetensors or PyTorch file and "
            "run vit158 import",
        [VIT158_CONTENT_HTML] =
            "is an HTML page, not a model: the address leads to a page, a log-in "
            "or an error",
        [VIT158_CONTENT_JSON] =
            "is JSON text, not a model: if it lies in a Hugging Face folder, run "
            "vit158 import FOLDER -o OUT.safetensors",
        [VIT158_CONTENT_IMAGE] = "is an image, not a model",
        [VIT158_CONTENT_TEXT] = "is text, not a model: look into it, it may be an error message",
        [VIT158_CONTENT_UNKNOWN] = "is not a safetensors file, nor of another kind known here"};
    return sentences[kind];
}

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

const char *vit158_names_advice(const vit158_header *header)
{
    static const struct {
        const char *prefix;
        const char *advice;
    } families[] = {
        {"vit.", "these are Hugging Face's names: run vit158 import FOLDER -o OUT.safetensors on "
                 "the folder with its config.json"},
        {"deit.", "these are Hugging Face's names: run vit158 import FOLDER -o OUT.safetensors on "
                  "the folder with its config.json"},
        {"embeddings.", "these are Hugging Face's names: run vit158 import FOLDER -o "
                        "OUT.safetensors on the folder with its config.json"},
        {"timm_model.", "these are Hugging Face's names of a timm model: run vit158 import FOLDER "
                        "-o OUT.safetensors"},
        {"module.", "names begin with module., as DataParallel writes them: run vit158 import FILE "
                    "-o OUT.safetensors"},
        {"model.", "names begin with model., as Lightning writes them: run vit158 import FILE -o "
                   "OUT.safetensors"},
        {"_orig_mod.", "names begin with _orig_mod., as torch.compile writes them: run vit158 "
                       "import FILE -o OUT.safetensors"},
        {"conv_proj.", "these are torchvision's names: run vit158 import FILE -o OUT.safetensors"},
        {"class_token", "these are torchvision's names: run vit158 import FILE -o OUT.safetensors"},
    };
    for (size_t family = 0; family < sizeof families / sizeof families[0]; family++) {
        for (uint32_t i = 0; i < header->tensor_count; i++) {
            if (has_prefix(header->tensors[i].name, families[family].prefix))
                return families[family].advice;
        }
    }
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        if (has_prefix(header->tensors[i].name, "cls_token") ||
            has_prefix(header->tensors[i].name, "patch_embed."))
            return "vit158 import FILE -o OUT.safetensors takes timm's variants";
    }
    return NULL;
}
