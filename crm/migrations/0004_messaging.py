from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('crm', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DeliveryReport',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('provider_id', fields.CharField(unique=True, max_length=100)),
                ('message_key', fields.CharField(max_length=40)),
                ('state', fields.CharField(max_length=9)),
                ('reason', fields.CharField(default='', max_length=60)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('received_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('applied_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'delivery_report', 'app': 'crm', 'indexes': [Index(fields=['applied_at', 'received_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MessageTemplate',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('channel', fields.CharField(default='alimtalk', max_length=16)),
                ('channel_account', fields.CharField(default='', max_length=64)),
                ('use', fields.CharField(max_length=24)),
                ('locale', fields.CharField(default='ko', max_length=5)),
                ('code', fields.CharField(max_length=60)),
                ('title', fields.CharField(default='', max_length=80)),
                ('text', fields.TextField(unique=False)),
                ('buttons', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('status', fields.CharField(default='draft', max_length=9)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'message_template', 'app': 'crm', 'unique_together': (('channel', 'channel_account', 'code'), ('channel', 'channel_account', 'use', 'locale')), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='CompanyProfile',
            name='refusal_phone',
            field=fields.CharField(default='', max_length=20),
        ),
        ops.AddField(
            model_name='OneTimeCode',
            name='message_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='OneTimeCode',
            name='sealed',
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name='OneTimeCode',
            name='ways',
            field=fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddIndex(
            model_name='OneTimeCode',
            index=Index(fields=['message_id']),
        ),
        ops.AddField(
            model_name='Outbox',
            name='address',
            field=fields.CharField(default='', max_length=254),
        ),
        ops.AddIndex(
            model_name='Outbox',
            index=Index(fields=['message_id']),
        ),
    ]
