/*-------------------------------------------------------------------------
 *
 * json_fields.c
 *	  The tree of JSON fields that the columns of a stream are filled from.
 *
 * NOTES
 *	  The fields lie in one array in preorder, so that what is below a field is
 *	  a range of it, and are made in the order of the sorted paths, so that the
 *	  children of a field come sorted by name without further effort.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "decode/json_fields.h"

/* A column and the names on the way to its field. */
typedef struct FieldPath
{
	int			column;
	int			nnames;
	const char **names;
} FieldPath;

static int	collect_paths(const SaColumn *columns, int ncolumns,
						  FieldPath *paths);
static int	compare_paths(const void *a, const void *b);
static SaJsonField *add_path(SaJsonField *root, int *nfields,
							 const FieldPath *path, SaJsonField *previous);
static bool is_name(const SaJsonField *field, const char *name);
static void link_children(SaJsonField *fields, int nfields);

SaJsonField *
sa_json_fields_build(const SaColumn *columns, int ncolumns,
					 SaJsonField **fields)
{
	FieldPath  *paths = palloc(sizeof(FieldPath) * (ncolumns + 1));
	int			npaths = collect_paths(columns, ncolumns, paths);
	int			max_fields = 1;
	int			nfields = 1;
	SaJsonField *root;
	SaJsonField *previous;

	for (int i = 0; i < npaths; i++)
		max_fields += paths[i].nnames;
	root = palloc0(sizeof(SaJsonField) * max_fields);
	root->name = "";

	memset(fields, 0, sizeof(SaJsonField *) * ncolumns);
	qsort(paths, npaths, sizeof(FieldPath), compare_paths);
	previous = root;
	for (int i = 0; i < npaths; i++)
	{
		previous = add_path(root, &nfields, &paths[i], previous);
		fields[paths[i].column] = previous;
	}
	link_children(root, nfields);

	for (int i = 0; i < npaths; i++)
		pfree(paths[i].names);
	pfree(paths);
	return root;
}

size_t
sa_json_fields_longest_name(const SaJsonField *root)
{
	size_t		longest = 0;

	for (const SaJsonField *field = root + 1; field < root->end; field++)
		longest = Max(longest, field->name_len);
	return longest;
}

static int
collect_paths(const SaColumn *columns, int ncolumns, FieldPath *paths)
{
	int			npaths = 0;

	for (int i = 0; i < ncolumns; i++)
	{
		FieldPath  *path = &paths[npaths];
		ListCell   *lc;

		if (columns[i].source != SA_SOURCE_FIELD)
			continue;
		npaths++;
		path->column = i;
		path->nnames = 0;
		path->names = palloc(sizeof(char *) *
							 Max(list_length(columns[i].path), 1));
		foreach(lc, columns[i].path)
			path->names[path->nnames++] = lfirst(lc);
		if (path->nnames == 0)
			path->names[path->nnames++] = columns[i].name;
	}
	return npaths;
}

/* Parents before children, siblings in the order of sa_json_name_compare(). */
static int
compare_paths(const void *a, const void *b)
{
	const FieldPath *x = a;
	const FieldPath *y = b;

	for (int i = 0; i < x->nnames && i < y->nnames; i++)
	{
		int			order = sa_json_name_compare(x->names[i], strlen(x->names[i]),
												 y->names[i], strlen(y->names[i]));

		if (order != 0)
			return order;
	}
	return x->nnames - y->nnames;
}

/*
 * Appends what "path" doesn't share with the path before it, which ended at
 * "previous"; returns the field at its end.
 */
static SaJsonField *
add_path(SaJsonField *root, int *nfields, const FieldPath *path,
		 SaJsonField *previous)
{
	SaJsonField *field = root;

	for (int i = 0; i < path->nnames; i++)
	{
		SaJsonField *child = previous;

		/* the ancestor of "previous", or it itself, that is a child of field */
		while (child != NULL && child->parent != field)
			child = child->parent;
		if (child == NULL || !is_name(child, path->names[i]))
		{
			child = &root[(*nfields)++];
			child->parent = field;
			child->name = path->names[i];
			child->name_len = strlen(child->name);
			child->has_backslash = strchr(child->name, '\\') != NULL;
			previous = child;
		}
		field = child;
	}
	return field;
}

static bool
is_name(const SaJsonField *field, const char *name)
{
	return strcmp(field->name, name) == 0;
}

/* Fills in everything that follows from the parents. */
static void
link_children(SaJsonField *fields, int nfields)
{
	for (int i = nfields - 1; i >= 0; i--)
	{
		SaJsonField *field = &fields[i];

		field->end = Max(field->end, field + 1);
		if (field->parent != NULL)
		{
			field->parent->end = Max(field->parent->end, field->end);
			field->parent->nchildren++;
		}
	}

	for (int i = 0; i < nfields; i++)
	{
		SaJsonField *field = &fields[i];
		SaJsonField *parent = field->parent;

		if (field->nchildren > 0)
			field->children = palloc(sizeof(SaJsonField *) * field->nchildren);
		field->nchildren = 0;	/* counted again as they are added */

		if (parent == NULL)
			continue;
		if (parent->nchildren == 0)
			parent->expected = field;
		else
			parent->last->next = field;
		parent->children[parent->nchildren++] = field;
		parent->child_lengths |= sa_json_length_bit(field->name_len);
		parent->last = field;
		field->next = parent->expected;
	}
}
