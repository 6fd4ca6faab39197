#include "tools/model_options.h"

#include <chrono>

#include "frontend/default_model.h"
#include "runtime/base/text.h"
#include "tools/terminal.h"

namespace lorikeet::tool {

void DeviceOptions::add(CLI::App& command) {
  command
      .add_option("--device", device,
                  "Device to use: a number of `lorikeet devices`, or a part of its name.\nExample: --device llvmpipe")
      ->option_text("N|NAME");
  command.add_option("--threads", threads, "Threads that compile kernels; 0: all of the machine. Example: --threads 4")
      ->option_text("N")
      ->check(CLI::Range(0, 1024));
}

Options DeviceOptions::environment() const {
  Options options = Options::from_environment();
  if (!device.empty()) options.device = device;
  if (threads > 0) options.compile_threads = threads;
  return options;
}

Result<Device> DeviceOptions::open() const {
  return Device::open({environment(), [](const std::string& line) { say(line); }});
}

void add_vision(CLI::App& command, std::string& folder) {
  command
      .add_option("--vision", folder,
                  "Folder of the vision tower, where the model's directory only names it.\n"
                  "Example: --vision clip-vit-large-patch14-336")
      ->option_text("FOLDER");
}

void add_logits(CLI::App& command, std::string& file) {
  command
      .add_option("--logits", file,
                  "Writes the logits of every position of the prompt, as `logits` (positions, vocabulary)\nin f32. "
                  "Example: --logits out.safetensors --max-tokens 0")
      ->option_text("FILE");
}

void ModelOptions::add(CLI::App& command) {
  command
      .add_option("-m,--model", path,
                  "A GGUF file or a Hugging Face directory. Example: -m SmolLM2-135M-Instruct.Q4_1.gguf")
      ->option_text("MODEL")
      ->required();
  add_vision(command, vision);
  device.add(command);
  command
      .add_option("--context", context,
                  "Positions a conversation may have; 0: 4096, or the model's if smaller.\nExample: --context 8192")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--kv", kv, "Type of the KV cache: f32, or f16 for half the memory. Example: --kv f16")
      ->option_text("f32|f16")
      ->check(CLI::IsMember({"f32", "f16"}));
  command
      .add_option("--active", active,
                  "Of a factored model: experts of each layer that a token goes through, 1 to all of them (the dense\n"
                  "model); by default as the file says. Example: --active 1")
      ->option_text("K")
      ->check(CLI::Range(1, 1024));
}

SessionOptions ModelOptions::session() const {
  SessionOptions options;
  options.active = active;
  options.context = context;
  options.kv = kv == "f16" ? DType::f16 : DType::f32;
  options.fuse = device.environment().fuse;
  return options;
}

void SamplingOptions::add(CLI::App& command, int64_t max_tokens_default) {
  wishes.max_tokens = max_tokens_default;
  command
      .add_option("--temperature", wishes.temperature,
                  "Divides the logits before sampling; 0 is greedy. Example: --temperature 0.7")
      ->option_text("X")
      ->check(CLI::Range(0.0, 1e6));
  command.add_option("--top-k", wishes.top_k, "Only the K likeliest tokens; 0: off. Example: --top-k 40")
      ->option_text("K")
      ->check(CLI::Range(uint32_t(0), UINT32_MAX));
  command
      .add_option("--top-p", wishes.top_p,
                  "Only the likeliest tokens that together reach P; 1: off. Example: --top-p 0.9")
      ->option_text("P")
      ->check(CLI::Range(1e-6, 1.0));
  command
      .add_option("--min-p", wishes.min_p,
                  "Only tokens at least P times as likely as the likeliest; 0: off. Example: --min-p 0.05")
      ->option_text("P")
      ->check(CLI::Range(0.0, 0.999999));
  command.add_option("--seed", wishes.seed, "Makes sampling repeatable. Example: --seed 42")->option_text("N");
  command
      .add_option("--repeat-penalty", wishes.repeat_penalty,
                  "Makes tokens less likely that occurred already; 1: off.\nExample: --repeat-penalty 1.1")
      ->option_text("X")
      ->check(CLI::Range(1e-3, 1e3));
  command
      .add_option("--max-tokens", wishes.max_tokens,
                  join("Longest answer (", max_tokens_default,
                       "); 0: only read the prompt; -1: until the context is full.\nExample: --max-tokens 64"))
      ->option_text("N")
      ->check(CLI::Range(int64_t(-1), INT64_MAX));
  command
      .add_option(
          "--stop", wishes.stop,
          "Ends the answer before this text; may be given several times.\nExample: --stop '\\n\\n' --stop Question:")
      ->option_text("TEXT")
      ->take_all()
      ->allow_extra_args(false);
}

namespace {

// A stop text as the shell passes it: \n, \t and \\ stand for what they say.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) out += text[i];
    else if (const char next = text[++i]; next == 'n') out += '\n';
    else if (next == 't') out += '\t';
    else if (next == '\\') out += '\\';
    else (out += '\\') += next;
  }
  return out;
}

}  // namespace

SamplingWishes SamplingOptions::asked() const {
  SamplingWishes asked = wishes;
  for (std::string& text : asked.stop) text = unescape(text);
  return asked;
}

namespace {

void say_memory(const Model& model, const SessionMemory& session, int64_t context, DType kv) {
  const uint64_t weights = model.memory().weight_bytes;
  const uint64_t all = weights + session.cache_bytes + session.scratch_bytes + session.table_bytes +
                       session.picture_bytes + session.adapter_bytes;
  std::string more = session.picture_bytes ? join(", pictures ", size_text(session.picture_bytes)) : std::string();
  if (session.adapter_bytes) more += join(", adapters ", size_text(session.adapter_bytes));
  say(join("memory: ", size_text(all), " (weights ", size_text(weights), ", KV cache ", size_text(session.cache_bytes),
           " for ", context, " positions in ", name(kv), ", scratch ", size_text(session.scratch_bytes), more, ")"));
}

}  // namespace

Status Loaded::use_adapters() {
  std::vector<uint32_t> all;
  for (uint32_t number = 0; number < adapters.size(); ++number) all.push_back(number);
  for (uint32_t slot = 0; slot < session->slots(); ++slot) LK_TRY(session->set_adapters(slot, all));
  return Done{};
}

void ModelOptions::add_or_default(CLI::App& command) {
  add(command);
  command.get_option("--model")->required(false)->description(
      "A GGUF file or a Hugging Face directory; without it the nano model that comes with the program.\n"
      "Example: -m parrot-7b.gguf");
}

Result<std::filesystem::path> ModelOptions::files() const {
  return path.empty() ? default_model() : std::filesystem::path(path);
}

Result<Loaded> load(const ModelOptions& options, SessionOptions session) {
  const auto start = std::chrono::steady_clock::now();
  Loaded loaded;
  LK_ASSIGN(Device device, options.device.open());
  loaded.device = std::make_unique<Device>(std::move(device));
  // The progress lines live as long as the callbacks that point to them.
  const auto upload = std::make_shared<ProgressLine>("loading weights"),
             compile = std::make_shared<ProgressLine>("compiling kernels");
  lorikeet::ModelOptions model_options;
  model_options.upload = [upload](size_t done, size_t total) {
    upload->show(done, total);
    if (done >= total) upload->end();
  };
  model_options.notice = [](const std::string& line) { say(line); };
  model_options.vision = options.vision;
  session.progress = [compile](size_t done, size_t total) {
    compile->show(done, total);
    if (done >= total) compile->end();
  };
  LK_ASSIGN(const std::filesystem::path path, options.files());
  LK_ASSIGN(Model model, Model::open(*loaded.device, path, model_options));
  loaded.model = std::make_unique<Model>(std::move(model));
  if (!options.adapters.given.empty()) {
    const AdapterBase base = adapter_base(loaded.model->checkpoint(), loaded.model->config());
    LK_ASSIGN(loaded.adapters, options.adapters.open(base));
  }
  for (const GivenAdapter& given : loaded.adapters) {
    for (const std::string& warning : given.adapter->warnings) say(join(given.path, ": ", warning));
    session.adapters.push_back({given.adapter.get(), given.scale});
  }
  LK_ASSIGN(const SessionMemory memory, Session::memory(*loaded.model, session));
  say(join("device: ", loaded.device->profile().name));
  say_memory(*loaded.model, memory, Session::context(*loaded.model, session), session.kv);
  LK_TRY(loaded.model->upload());
  upload->end();
  LK_ASSIGN(Session made, Session::create(*loaded.model, session));
  loaded.session = std::make_unique<Session>(std::move(made));
  loaded.load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace lorikeet::tool
