"""People's own pictures, turned into a cache: a folder, a ZIP archive, an array, IDX files.

`importing.import_images` does it. On the way: `sources` lists and reads files, `kinds` says what
a file is by its content, `decoding` makes an array of one picture, `labels` finds the classes,
`index` remembers what a source looked like, so that a second start only looks at its names.
"""
