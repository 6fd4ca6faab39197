#include "frontend/training/run_folder.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "frontend/training/trained.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using Path = std::filesystem::path;

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kTable = "loss.csv";
constexpr const char* kDrawing = "loss.svg";
constexpr const char* kModels[] = {"model", "model.gguf"};  // see rewritten_name

bool is_of_a_run(const std::string& name) {
  std::vector<std::string> files = {kCheckpoint, kTable, kDrawing, kTrainedAdapterStaging};
  files.insert(files.end(), std::begin(kTrainedAdapterFiles), std::end(kTrainedAdapterFiles));
  files.insert(files.end(), std::begin(kModels), std::end(kModels));
  for (const std::string& known : files)
    if (name == known || name == known + ".partial" || name == known + ".replaced") return true;
  return false;
}

Error cannot_write(const Path& file, const std::string& why) {
  return {ErrorCode::io, join("[finetune] cannot write ", file.string(), ": ", why, "."), {}};
}

}  // namespace

Result<RunFolder> RunFolder::open(const Path& place, bool resume) {
  const Path folder = place.has_filename() ? place : place.parent_path();  // without a slash at the end
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return cannot_write(folder, failure.message());
  if (!std::filesystem::is_directory(folder, failure)) return cannot_write(folder, "it is no folder");
  RunFolder made(folder);
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    const std::string name = entry.path().filename().string();
    if (!resume)
      return invalid(join("[finetune] ", folder.string(), " has ", name, " in it already; ",
                          made.has_checkpoint() ? "resume the run in it, or give" : "give",
                          " the name of a new folder."));
    if (!is_of_a_run(name))
      return invalid(join("[finetune] ", folder.string(), " has ", name,
                          " in it, which no run leaves; give the folder of the run that is to go on."));
  }
  if (failure) return cannot_write(folder, failure.message());
  // An unwritable folder is told now, not after the first hour.
  LK_TRY(made.take_losses(resume ? UINT64_MAX : 0));
  return made;
}

std::filesystem::path RunFolder::checkpoint() const { return folder_ / kCheckpoint; }

bool RunFolder::has_checkpoint() const {
  std::error_code ignored;
  return std::filesystem::exists(checkpoint(), ignored);
}

Status RunFolder::take_losses(uint64_t last_step) {
  if (const auto text = read_text(folder_ / kTable)) losses_ = read_loss_csv(*text, last_step);
  return write_whole(folder_ / kTable, loss_csv(losses_));
}

Status RunFolder::add_loss(const LossPoint& point) {
  losses_.push_back(point);
  std::ofstream out(folder_ / kTable, std::ios::binary | std::ios::app);
  out << loss_csv_line(point);
  out.flush();
  if (!out) return cannot_write(folder_ / kTable, "the disk is full or the folder is read-only");
  return Done{};
}

Status RunFolder::draw_losses() const { return write_whole(folder_ / kDrawing, loss_svg(losses_)); }

}  // namespace lorikeet
