from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('crm', '0010_article_order')]

    initial = False

    operations = [
        ops.AddIndex('ServiceRequest', Index(fields=['visit_from'])),
    ]
