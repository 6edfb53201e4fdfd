/* Count the words of a file, fold their case, print the 20 most frequent.
 *
 *     wordcount PROCESSES FILE
 *
 * The limit that the benchmark holds parallel-lua against. The file is cut at
 * line boundaries; each further process is forked, counts its part in a table
 * of its own, and sends it through a pipe; the first process counts too, then
 * adds what the others send. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "words.h"

enum { BLOCK = 1 << 20, TOP = 20 };

static void count_text(Table *table, char *text, const char *end) {
    Word word;
    while (next_word(&text, end, &word)) table_entry(table, &word)->count++;
}

// How much of the text can be counted now: up to its last byte that is no letter.
static size_t whole_words(const char *text, size_t size) {
    while (size && FOLD[(unsigned char)text[size - 1]]) size--;
    return size;
}

static void count_part(Table *table, int fd, off_t from, off_t to) {
    size_t capacity = BLOCK, held = 0;
    char *block = check(malloc(capacity + 1));
    while (from < to) {
        size_t wanted = capacity - held;
        if ((off_t)wanted > to - from) wanted = (size_t)(to - from);
        ssize_t got = pread(fd, block + held, wanted, from);
        if (got <= 0) exit(1);
        from += got;
        held += (size_t)got;
        size_t whole = from == to ? held : whole_words(block, held);
        block[held] = 0;
        count_text(table, block, block + whole);
        held -= whole;
        memmove(block, block + whole, held);
        if (held == capacity) block = check(realloc(block, (capacity *= 2) + 1)); // one long word
    }
    free(block);
}

// The start of the first line at or after the offset.
static off_t line_start(int fd, off_t offset, off_t size) {
    char c;
    if (offset == 0) return 0;
    for (offset--; offset < size && pread(fd, &c, 1, offset) == 1 && c != '\n'; offset++) continue;
    return offset < size ? offset + 1 : size;
}

static void send_table(const Table *table, FILE *to) {
    for (size_t i = 0; i < table->capacity; i++) {
        const Entry *entry = &table->entries[i];
        if (!entry->word.bytes) continue;
        fwrite(&entry->word, sizeof entry->word, 1, to);
        fwrite(&entry->count, sizeof entry->count, 1, to);
        fwrite(entry->word.bytes, entry->word.size, 1, to);
    }
}

static void add_table(Table *table, FILE *from) {
    Word word;
    uint64_t count;
    char *bytes = NULL;
    while (fread(&word, sizeof word, 1, from) == 1 && fread(&count, sizeof count, 1, from) == 1) {
        bytes = check(realloc(bytes, word.size));
        word.bytes = bytes;
        if (fread(bytes, word.size, 1, from) != 1) break;
        table_entry(table, &word)->count += count;
    }
    free(bytes);
}

// Forks a process that counts a part; returns where its table can be read from.
static FILE *start(int fd, off_t from, off_t to) {
    int ends[2];
    if (pipe(ends) == -1) exit(1);
    pid_t pid = fork();
    if (pid == -1) exit(1);
    if (pid == 0) {
        FILE *out = check(fdopen(ends[1], "w"));
        Table table = table_new();
        count_part(&table, fd, from, to);
        send_table(&table, out);
        _exit(fclose(out) == 0 ? 0 : 1);
    }
    close(ends[1]);
    return check(fdopen(ends[0], "r"));
}

static int most_frequent_first(const void *left, const void *right) {
    const Entry *a = left, *b = right;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return word_order(&a->word, &b->word);
}

static void print_top(Table *table) {
    table_sort(table, most_frequent_first);
    for (size_t i = 0; i < TOP && i < table->used; i++) {
        const Entry *entry = &table->entries[i];
        printf("%.*s\t%llu\n", (int)entry->word.size, entry->word.bytes,
               (unsigned long long)entry->count);
    }
}

int main(int argc, char **argv) {
    int processes = argc == 3 ? atoi(argv[1]) : 0;
    int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;
    struct stat info;
    if (processes < 1 || fd == -1 || fstat(fd, &info) == -1) {
        fprintf(stderr, "usage: wordcount processes file\n");
        return 2;
    }
    FILE **others = check(calloc((size_t)processes, sizeof *others));
    Table table = table_new();
    for (int i = processes - 1; i >= 0; i--) {
        off_t from = line_start(fd, info.st_size * i / processes, info.st_size);
        off_t to = line_start(fd, info.st_size * (i + 1) / processes, info.st_size);
        if (i > 0)
            others[i] = start(fd, from, to);
        else
            count_part(&table, fd, from, to);
    }
    int failed = 0, status;
    for (int i = 1; i < processes; i++) add_table(&table, others[i]);
    while (wait(&status) != -1) failed |= status;
    if (failed) return 1;
    print_top(&table);
    return 0;
}
