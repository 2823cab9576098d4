/* Answers requests with nothing but TensorFlow's C library, on the path that TF Serving takes.
 *
 *   replay SAVED_MODEL < REQUESTS
 *
 * A request is a line, and so is its answer, "ok" or why it was refused:
 *
 *   INPUTS (OPERATION INDEX TYPE ROWS,... FILE)... (OPERATION INDEX FILE)...
 *
 * INPUTS is how many inputs follow; TYPE is a TF_DataType; ROWS,... are the sizes, or - for a
 * scalar; FILE, without a space in its name, holds the input's bytes, and takes those of an output.
 * A tensor of strings is written as each one's length, 8 bytes, and content.
 *
 *   TF=$(python -c 'import os, tensorflow; print(os.path.dirname(tensorflow.__file__))')
 *   gcc -o replay replay.c -I$TF/include -L$TF -Wl,-rpath,$TF \
 *     -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

enum { MOST = 8 };

static void check(TF_Status *status) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s\n", TF_Message(status));
    exit(1);
  }
}

static TF_Output named(TF_Graph *graph, const char *operation, const char *index) {
  TF_Output found = {TF_GraphOperationByName(graph, operation), atoi(index)};
  if (!found.oper) {
    fprintf(stderr, "%s: no such operation\n", operation);
    exit(1);
  }
  return found;
}

static TF_Tensor *read_tensor(TF_DataType type, char *shape, const char *path) {
  int64_t dims[MOST];
  int rank = 0;
  size_t size = TF_DataTypeSize(type);
  char *rest = NULL;
  for (char *part = strtok_r(shape, ",-", &rest); part; part = strtok_r(NULL, ",-", &rest)) {
    dims[rank] = atoll(part);
    size *= dims[rank++];
  }
  TF_Tensor *tensor = TF_AllocateTensor(type, dims, rank, size);
  FILE *file = fopen(path, "rb");
  if (!file || fread(TF_TensorData(tensor), 1, size, file) != size) {
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(1);
  }
  fclose(file);
  return tensor;
}

static void write_tensor(TF_Tensor *tensor, const char *path) {
  FILE *file = fopen(path, "wb");
  if (TF_TensorType(tensor) == TF_STRING) {
    const TF_TString *strings = TF_TensorData(tensor);
    for (int64_t i = 0; i < TF_TensorElementCount(tensor); i++) {
      uint64_t length = TF_TString_GetSize(&strings[i]);
      fwrite(&length, sizeof length, 1, file);
      fwrite(TF_TString_GetDataPointer(&strings[i]), 1, length, file);
    }
  } else {
    fwrite(TF_TensorData(tensor), 1, TF_TensorByteSize(tensor), file);
  }
  fclose(file);
}

static char *word(void) {
  char *found = strtok(NULL, " \n");
  if (!found) {
    fprintf(stderr, "a request is cut short\n");
    exit(1);
  }
  return found;
}

static void answer(TF_Graph *graph, TF_Session *session, char *request) {
  TF_Output inputs[MOST], outputs[MOST];
  TF_Tensor *given[MOST], *found[MOST] = {NULL};
  const char *files[MOST];
  int count = atoi(strtok(request, " \n")), results = 0;
  for (int i = 0; i < count; i++) {
    char *operation = word(), *index = word(), *type = word(), *shape = word();
    inputs[i] = named(graph, operation, index);
    given[i] = read_tensor(atoi(type), shape, word());
  }
  for (char *operation; (operation = strtok(NULL, " \n")); results++) {
    outputs[results] = named(graph, operation, word());
    files[results] = word();
  }
  TF_Status *status = TF_NewStatus();
  TF_SessionRun(session, NULL, inputs, given, count, outputs, found, results, NULL, 0, NULL,
                status);
  for (int i = 0; i < count; i++) TF_DeleteTensor(given[i]);
  if (TF_GetCode(status) == TF_OK) {
    for (int i = 0; i < results; i++) {
      write_tensor(found[i], files[i]);
      TF_DeleteTensor(found[i]);
    }
    puts("ok");
  } else {
    printf("%.*s\n", (int)strcspn(TF_Message(status), "\n"), TF_Message(status));
  }
  TF_DeleteStatus(status);
}

int main(int argc, char **argv) {
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  check(status);
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, stdin) > 0) answer(graph, session, line);
  return 0;
}
