from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('crm', '0009_live_sessions')]

    initial = False

    operations = [
        ops.AddIndex('Article', Index(fields=['locale', 'kind', 'title', 'id'])),
        ops.AddIndex('Article', Index(fields=['kind', 'title', 'id'])),
    ]
