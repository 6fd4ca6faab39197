#include "tools/adapter_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "frontend/adapters/adapter_memory.h"
#include "frontend/adapters/adapter_summary.h"
#include "frontend/router_report.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tools/prompt_inputs.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kWindow = 512;  // tokens of a piece of plain text

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// --- what they are ---------------------------------------------------------------------------------------------------

// The configuration is shown also where the tensors do not fit; then the error comes back.
Status show(const AdapterArgument& argument, const AdapterBase& base, bool as_json, Json& all) {
  LK_ASSIGN(const AdapterConfig config, AdapterConfig::open(argument.path));
  const auto adapter = open_adapter(argument.path, base);
  if (as_json) {
    Json json = {{"adapter", argument.path}, {"scale", argument.scale}};
    json.update(config_json(config));
    json["fits"] = adapter.ok();
    if (adapter) {
      json.update(tensor_json(config, adapter->tensors));
      json["bytes"] = AdapterMemory::bytes(adapter->tensors);
      json["warnings"] = adapter->warnings;
    }
    all.push_back(std::move(json));
  } else {
    print(join("adapter: ", argument.path, argument.scale == 1 ? "" : join(", scale ", argument.scale), "\n",
               config_summary(config)));
    if (!adapter) print("fits: no\n");
    else
      print(join("fits: yes\n", tensor_summary(config, adapter->tensors),
                 "on the device: ", size_text(AdapterMemory::bytes(adapter->tensors)), " in f32\n"));
    for (const std::string& warning : adapter ? adapter->warnings : config.warnings) say(warning);
  }
  return adapter ? Status(Done{}) : Status(adapter.error());
}

Status show_all(const ModelOptions& model, const AdapterReportOptions& options) {
  LK_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(model.path, model.vision));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(checkpoint));
  const AdapterBase base = adapter_base(checkpoint, config);
  Json all = Json::array();
  Status status = Done{};
  for (const std::string& given : model.adapters.given) {
    status = show(adapter_argument(given), base, options.json, all);
    if (!status) break;
  }
  if (options.json && !all.empty()) print(dumped({{"adapters", all}}) + "\n");
  return status;
}

// --- how they route --------------------------------------------------------------------------------------------------

bool is_json(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != text.npos && (text[first] == '{' || text[first] == '[');
}

// Prompts, or a plain text in pieces for all adapters.
Result<std::vector<BatchPrompt>> texts_of(const std::string& file, Loaded& loaded) {
  LK_ASSIGN(const std::string text, read_text(file));
  if (is_json(text)) {
    LK_ASSIGN(const std::vector<PromptLine> lines, parse_prompts(text, file, {}));
    return batch_prompts(loaded, lines);
  }
  LK_ASSIGN(const std::vector<int32_t> ids, prompt_ids(*loaded.model, text));
  if (ids.empty()) return corrupt(join(file, ": expected a text, given an empty file."));
  BatchPrompt piece;
  for (uint32_t number = 0; number < loaded.adapters.size(); ++number) piece.adapters.push_back(number);
  std::vector<BatchPrompt> pieces;
  const size_t longest = size_t(std::min(kWindow, loaded.session->context()));
  for (size_t first = 0; first < ids.size(); first += longest) {
    piece.where = join(file, " token ", first);
    piece.tokens.assign(ids.begin() + ptrdiff_t(first), ids.begin() + ptrdiff_t(std::min(ids.size(), first + longest)));
    pieces.push_back(piece);
  }
  return pieces;
}

// Reads the texts, as many at once as the session has slots.
Status read_all(Session& session, std::span<const BatchPrompt> texts) {
  const auto no_use = [](uint32_t, std::span<const float>) -> Status { return Done{}; };
  const uint64_t cancels = session.cancels();
  ProgressLine progress("reading");
  for (size_t done = 0; done < texts.size();) {
    progress.show(done, texts.size());
    if (session.cancels() != cancels) return Error{ErrorCode::cancelled, "stopped before the end.", {}};
    const auto group = texts.subspan(done, std::min<size_t>(session.slots(), texts.size() - done));
    std::vector<std::vector<int32_t>> tokens;
    for (uint32_t slot = 0; slot < group.size(); ++slot) {
      Status used = session.set_adapters(slot, group[slot].adapters);
      const auto positions = session.positions(slot, group[slot].tokens);
      if (used && !positions) used = positions.error();
      if (!used) {
        used.error().message.insert(0, group[slot].where + ": ");
        return used;
      }
      tokens.push_back(group[slot].tokens);
    }
    LK_TRY(session.last_logits(tokens, no_use));
    done += group.size();
  }
  progress.end();
  return Done{};
}

Status show_routing(const ModelOptions& model, const AdapterReportOptions& options) {
  std::vector<std::optional<RouterStatistics>> statistics(model.adapters.given.size());
  SessionOptions session = model.session();
  session.slots = options.parallel;
  session.on_routed = [&](const RoutedRows& rows) {
    if (rows.adapter != RoutedRows::kModel) statistics[rows.adapter]->add(rows);
  };
  LK_ASSIGN(Loaded loaded, load(model, session));
  for (size_t i = 0; i < loaded.adapters.size(); ++i) statistics[i].emplace(loaded.adapters[i].adapter->tensors);
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  LK_ASSIGN(const std::vector<BatchPrompt> texts, texts_of(options.texts, loaded));
  size_t routed = 0;
  for (const GivenAdapter& given : loaded.adapters) routed += !given.adapter->tensors.routers.empty();
  if (routed == 0) return invalid("none of the adapters has routers: there is no routing to show.");
  if (!options.svg.empty() && routed > 1) return invalid("--svg draws one adapter with routers, several were given.");
  LK_TRY(read_all(*loaded.session, texts));
  Json all = Json::array();
  for (size_t i = 0; i < loaded.adapters.size(); ++i) {
    const GivenAdapter& given = loaded.adapters[i];
    if (given.adapter->tensors.routers.empty()) continue;
    if (!options.svg.empty()) LK_TRY(write_whole(options.svg, router_svg(*statistics[i])));
    Json json = {{"adapter", given.path}, {"texts", texts.size()}};
    json.update(router_json(*statistics[i]));
    if (!options.json) {
      const Json& rows = json["rows"];
      print(join("adapter: ", given.path, " (", name(given.adapter->config.kind), "), ", rows.get<uint64_t>(),
                 " positions of ", texts.size(), texts.size() == 1 ? " text" : " texts", "\n",
                 router_table(*statistics[i])));
    }
    all.push_back(std::move(json));
  }
  if (options.json) print(dumped({{"adapters", all}}) + "\n");
  return Done{};
}

}  // namespace

void AdapterReportOptions::add(CLI::App& command) {
  command
      .add_option(
          "--routing", texts,
          "With --adapter: reads the texts of a file (lines as of generate --prompts, or plain text, cut into\n"
          "pieces of 512 tokens) and tells for each router the mean entropy (from 0 to 1; DynMoLE: the one that\n"
          "routes, others: Tsallis of index 1.1), how many experts work at once, and the experts' shares of the\n"
          "weights and of the rows. Example: --adapter dynmole --routing texts.jsonl")
      ->option_text("FILE")
      ->check(CLI::ExistingFile);
  command.add_option("--svg", svg, "With --routing: draws the same. Example: --svg routing.svg")->option_text("FILE");
  command.add_option("--parallel", parallel, "With --routing: texts that are read at once (8). Example: --parallel 16")
      ->option_text("N")
      ->check(CLI::Range(1, 512));
  command.add_flag("--json", json, "With --adapter: prints one JSON object. Example: --adapter dynmole --json");
}

void AdapterReportOptions::check(const AdapterOptions& adapters) const {
  if (adapters.given.empty() && !texts.empty()) throw CLI::RequiresError("--routing", "--adapter");
  if (adapters.given.empty() && json) throw CLI::RequiresError("--json", "--adapter");
  if (texts.empty() && !svg.empty()) throw CLI::RequiresError("--svg", "--routing");
}

Status report_adapters(const ModelOptions& model, const AdapterReportOptions& options) {
  return options.texts.empty() ? show_all(model, options) : show_routing(model, options);
}

}  // namespace lorikeet::tool
