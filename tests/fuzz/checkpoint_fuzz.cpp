// Mutated GGUF models from the file to the config, the weights' places and the vocabulary.
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/gguf.h"
#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/checkpoint/vocabulary.h"
#include "frontend/families/resolve.h"
#include "frontend/picture_gguf.h"
#include "tests/support/fuzz.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

// A model of one layer; but for llama also with the keys that are rare.
std::string model(const std::string& architecture) {
  GgufHeader header;
  header.set_text("general.architecture", architecture);
  const std::string prefix = architecture + ".";
  for (const char* key : {"block_count", "attention.head_count", "attention.head_count_kv"})
    header.set_natural(prefix + key, 1);
  for (const char* key : {"context_length", "embedding_length", "feed_forward_length"})
    header.set_natural(prefix + key, 4);
  header.set_number(prefix + "attention.layer_norm_rms_epsilon", 1e-5f);
  if (architecture != "llama") {
    header.set_text(prefix + "rope.scaling.type", "yarn");
    header.set_number(prefix + "rope.scaling.factor", 4);
    header.set_natural(prefix + "rope.scaling.original_context_length", 4);
    header.set_natural(prefix + "attention.sliding_window", 2);
    header.set_flags(prefix + "attention.sliding_window_pattern", {true});
  }
  if (architecture == "parrot") {
    PictureConfig eyes;
    eyes.tower_hidden = eyes.tower_intermediate = eyes.side = eyes.experts = eyes.expert_intermediate = 4;
    eyes.tower_heads = eyes.tower_layers = 1;
    eyes.patch = 2;
    set_picture(header, eyes);
  }
  header.set_text("tokenizer.ggml.model", "llama");
  header.set_texts("tokenizer.ggml.tokens", {"<s>", "a", "<|im_end|>"});
  header.set_integers("tokenizer.ggml.token_type", {3, 1, 3});
  header.set_natural("tokenizer.ggml.eos_token_id", 2);
  header.set_integers("lorikeet.eos_token_ids", {2, 0});
  const std::vector<std::pair<const char*, std::vector<uint64_t>>> tensors = {{"token_embd.weight", {3, 4}},
                                                                              {"output_norm.weight", {4}},
                                                                              {"blk.0.attn_q.weight", {4, 4}},
                                                                              {"rope_freqs.weight", {2}}};
  uint64_t data = 0;
  for (const auto& [name, shape] : tensors) {
    (void)header.add_tensor(name, DType::f32, shape);
    data += 64;
  }
  return header.bytes() + std::string(data, '\x3f');
}

}  // namespace

int main() {
  const test::TemporaryFolder folder;
  return test::fuzz("checkpoint", {model("llama"), model("qwen2"), model("parrot")},
                    [&](std::span<const std::byte> bytes) {
                      if (!parse_gguf(bytes, "fuzzed.gguf")) return;  // gguf_fuzz's part; a file takes time
                      folder.write("fuzzed.gguf", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
                      const auto checkpoint = Checkpoint::open(folder / "fuzzed.gguf");
                      if (!checkpoint) return;
                      (void)gguf_vocabulary(checkpoint->metadata());
                      const auto config = DecoderConfig::from(*checkpoint);
                      if (config) (void)check_weights(*checkpoint, *config);
                    });
}
